"""Marks of people who are gone: deleted, or deactivated.
Written by Django, read by who keeps something for them.

A principal entry that is absent tells nothing: it ends with the last session. So Django says it, in
the same atomic step that publishes the deactivation or the deletion,
and takes it back in the step that publishes the person as active again::

    gatehouse:gone:of:<user id>    signed {"v": 1, "version": 4711, "id": "7", "is_deleted": false},
                                   for MARK_KEPT_S
    gatehouse:gone:latest          user ids by when they were marked: microseconds since 1970 by
                                   Redis's clock, only growing

A mark says how things are, not what happened once: while it is there the person can't ask for
anything. So whoever first lists what there is of a person, and then finds the mark,
may end all that was listed, without comparing clocks.
"""

from collections.abc import Collection
from typing import cast

from shared.contract.entries import PREFIX
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError
from shared.redis import RedisGateway

GONE_LATEST = f"{PREFIX}gone:latest"
MARK_KEPT_S = 7 * 86_400
# the oldest go first: a site may import any number of people who are not active
MARKS_KEPT = 100_000
AT_ONCE = 250  # marks that are read in one command

_VERSION = 1


def gone_entry(user_id: str) -> str:
    """Name the entry that says that a person is gone."""
    return f"{PREFIX}gone:of:{user_id}"


def encode_gone(signer: EntrySigner, user_id: str, *, is_deleted: bool, version: int) -> str:
    """Return the signed value of a person's mark."""
    payload = {"v": _VERSION, "version": version, "id": user_id, "is_deleted": is_deleted}
    return signer.sign(gone_entry(user_id), payload)


class GonePeople:
    """Reads the marks. Thread-safe; blocks and raises as the store does."""

    def __init__(self, store: RedisGateway, signer: EntrySigner) -> None:
        self._store = store
        self._signer = signer

    def is_gone(self, user_id: str) -> bool:
        """Tell whether Django says just now that this person was deactivated or deleted."""
        return self._says_gone(user_id, self._store.get(gone_entry(user_id)))

    def gone_among(self, user_ids: Collection[str]) -> set[str]:
        """Return those of these people who are gone, as is_gone says."""
        ids, found = list(user_ids), set()
        for first in range(0, len(ids), AT_ONCE):
            piece = ids[first : first + AT_ONCE]
            values = self._store.get_all([gone_entry(each) for each in piece])
            marks = zip(piece, values, strict=True)
            found |= {user_id for user_id, value in marks if self._says_gone(user_id, value)}
        return found

    def _says_gone(self, user_id: str, value: str | None) -> bool:
        if value is None:
            return False
        try:
            payload = self._signer.unsign(gone_entry(user_id), value)
        except EntryFormatError:
            return False
        return payload.get("v") == _VERSION and payload.get("id") == user_id

    def marked_after(
        self, moment: int, *, until: int | None = None, limit: int
    ) -> list[tuple[str, int]]:
        """Return who was marked after ``moment`` (and by ``until``), the earliest first,
        each with the moment."""
        highest = "+inf" if until is None else until
        found = self._store.read(
            lambda client: client.zrangebyscore(
                GONE_LATEST, f"({moment}", highest, start=0, num=limit, withscores=True
            )
        )
        return [(user_id, int(score)) for user_id, score in cast("list[tuple[str, float]]", found)]
