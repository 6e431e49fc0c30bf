"""Repeat rows of the database in Redis so that the newest row wins, whichever process is the slowest.

The order is: look at the entries, then read the rows, then replace each entry only if it is still what was seen. Whoever
changed a row in between has replaced the entry, or will after us. Without it a slow rebuild would bring a person back
who was locked out while it read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from django_site.sessions.contract import session_store
from shared.redis import Script

_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What an entry should hold, and for how many seconds (0: until it is replaced)."""

    text: str
    ttl_s: int = 0


_REPLACE = Script.read(Path(__file__).with_name("replace.lua"))

# Given the entries as they were seen, read the rows and say what should change: None deletes an entry.
Plan = Callable[[Mapping[str, str | None]], Mapping[str, Value | None]]


def replace_entries(entries: Iterable[str], plan: Plan) -> int:
    """Bring ``entries`` to what ``plan`` wants; return how many were changed. Atomic per entry.

    Raises SessionStoreUnavailable; what was changed before that stays.
    """
    remaining, changed = list(entries), 0
    for _ in range(_TRIES):
        if not remaining:
            break
        seen = _seen(remaining)
        wanted = plan(seen)
        remaining = _replace(seen, wanted)
        changed += len(wanted) - len(remaining)
    return changed


def _seen(entries: Sequence[str]) -> dict[str, str | None]:
    values = cast(list[str | None], session_store().read(lambda client: client.mget(entries)))
    return dict(zip(entries, values, strict=True))


def _replace(seen: Mapping[str, str | None], wanted: Mapping[str, Value | None]) -> list[str]:
    """Apply the changes; return the entries that had changed since they were seen."""
    entries = list(wanted)
    if not entries:
        return []
    arguments: list[str | bytes | int] = []
    for entry in entries:
        value = wanted[entry] or Value(text="")
        # Bytes: what was seen may be no UTF-8 (nothing of ours), and must go back just as it was.
        as_seen = (seen[entry] or "").encode("utf-8", "surrogateescape")
        arguments += (as_seen, value.text, value.ttl_s)
    positions = session_store().run(_REPLACE, entries, arguments)
    return [entries[position - 1] for position in cast(list[int], positions)]
