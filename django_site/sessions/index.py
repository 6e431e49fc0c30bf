"""Which sessions a person has: where they are logged in, and how to end them.

The set ``gatehouse:sessions-of:<user id>`` names entries, not keys:
who reads it can end sessions but not use them.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django_site.contract import session_format, session_store
from django_site.publishing.chunks import chunked
from shared.contract.entries import sessions_of_entry
from shared.contract.session import SessionRecord
from shared.errors import EntryFormatError
from shared.redis import Script, scan

SEEN = "_gatehouse_seen"
_LAST = Script.read(Path(__file__).with_name("last_of.lua"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSession:
    """One live session of a person. Times are seconds since 1970."""

    entry: str
    created_at: int
    last_seen_at: int
    address: str
    user_agent: str


def sessions_of(user_id: str) -> list[PersonSession]:
    """Return the person's live sessions, last seen first. Raises SessionStoreUnavailable."""
    index = sessions_of_entry(user_id)
    entries = sorted(cast(set[str], session_store().read(lambda client: client.smembers(index))))
    if not entries:
        return []
    values = cast(list[str | None], session_store().read(lambda client: client.mget(entries)))
    found = [_describe(entry, value, user_id) for entry, value in zip(entries, values, strict=True)]
    return sorted(filter(None, found), key=lambda session: session.last_seen_at, reverse=True)


def end_session(user_id: str, entry: str) -> bool:
    """End one of the person's sessions; False when ``entry`` is not one of theirs.
    Refused on the next request."""
    if entry not in {session.entry for session in sessions_of(user_id)}:
        return False
    index = sessions_of_entry(user_id)
    session_store().write(lambda client: client.delete(entry))
    session_store().write(lambda client: client.srem(index, entry))
    return True


def end_other_sessions(user_id: str, *, keep: str) -> int:
    """End all of the person's sessions but ``keep``; return how many."""
    others = [session.entry for session in sessions_of(user_id) if session.entry != keep]
    return sum(end_session(user_id, entry) for entry in others)


def people_with_sessions() -> Iterator[list[str]]:
    """Yield the ids of people who have sessions, or had some that ended lately,
    in chunks, some maybe twice."""
    prefix = sessions_of_entry("")
    yield from chunked(name.removeprefix(prefix) for name in scan(session_store(), f"{prefix}*"))


def stays_of(user_ids: Sequence[str]) -> dict[str, int]:
    """Return for how many seconds the last session of each of these people lives;
    who has none is left out."""
    keys = [sessions_of_entry(user_id) for user_id in user_ids]
    found = cast(list[int], session_store().run(_LAST, keys, []))
    return {id_: ttl for id_, ttl in zip(user_ids, found, strict=True) if ttl > 0}


def forget_ended(index: str) -> None:
    """Drop from one set the sessions that Redis let expire or that were logged out."""
    entries = sorted(cast(set[str], session_store().read(lambda client: client.smembers(index))))
    values = (
        cast(list[str | None], session_store().read(lambda client: client.mget(entries)))
        if entries
        else []
    )
    ended = [entry for entry, value in zip(entries, values, strict=True) if value is None]
    if ended:
        session_store().write(lambda client: client.srem(index, *ended))


def _describe(entry: str, value: str | None, user_id: str) -> PersonSession | None:
    record = _decode(entry, value)
    if record is None or record.user_id != user_id:
        return None
    seen: Any = record.data.get(SEEN)
    seen = seen if isinstance(seen, dict) else {}
    return PersonSession(
        entry=entry,
        created_at=record.created_at,
        last_seen_at=int(seen.get("at", record.created_at)),
        address=str(seen.get("address", "")),
        user_agent=str(seen.get("user_agent", "")),
    )


def _decode(entry: str, value: str | None) -> SessionRecord | None:
    if value is None:
        return None
    try:
        return session_format().decode(entry, value, now=time.time())
    except EntryFormatError:
        return None
