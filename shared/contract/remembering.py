"""Verify the same bytes once: what a signature of an entry says about a value never changes.

The gate reads both entries of every request afresh, and what it read last time is mostly what it
reads now: the same text under the same name. That this text verifies, and what its JSON says, need
not be computed again; it was half of what the gate computes. Nothing else is remembered: not that
an entry is there, not who somebody is, not how old anything is. A value that differs in one
character, or stands under another name, is verified as if it was seen for the first time.
"""

from typing import Any

from shared.contract.signing import EntrySigner

MOST_VALUES = 2_048
# Longer ones are rare, such as a full shopping cart: memory is bounded by the product.
LONGEST = 2_048


class RememberingSigner(EntrySigner):
    """An EntrySigner for who verifies at every request. Thread-safe, no I/O.

    What ``unsign`` returns belongs to all its callers: nobody may change it. It holds between
    MOST_VALUES and twice as many, the last used.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._young: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        self._old = self._young

    def _verify(self, entry: str, value: str) -> tuple[dict[str, Any], int]:
        text = (entry, value)
        known = self._young.get(text)
        if known is None:
            known = self._old.get(text) or super()._verify(entry, value)
            if len(value) <= LONGEST:
                self._remember(text, known)
        return known

    def _remember(self, text: tuple[str, str], known: tuple[dict[str, Any], int]) -> None:
        if len(self._young) >= MOST_VALUES:  # of two threads at once, one forgets more: no harm
            self._old, self._young = self._young, {}
        self._young[text] = known
