"""Write principals to the session store, and take them back. The database is the truth; this only repeats it."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django_site.principals.build import build_principals, rows_of, user_rows
from django_site.sessions.contract import entry_signer, session_store
from django_site.sessions.replace import Value, replace_entries
from shared.entries import principal_entry
from shared.errors import SessionFormatError, SessionStoreUnavailable
from shared.principal import Principal, decode_principal, encode_principal
from shared.redis import scan

log = logging.getLogger("gatehouse.principals")

CHUNK = 500


class _Overdue:
    """Ids of people whose change could not be published because Redis was away. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[str] = set()

    def add(self, ids: Iterable[str]) -> None:
        with self._lock:
            self._ids.update(ids)

    def take(self) -> list[str]:
        with self._lock:
            ids, self._ids = sorted(self._ids), set()
        return ids


_overdue = _Overdue()


def publish(ids: Iterable[Any]) -> None:
    """Publish these people as the database has them now; who is no longer there is withdrawn.

    Never raises for an outage: the change is in the database already. The reconciler repeats it as soon as Redis is
    back; until then no request is let in anyway, for the same Redis is asked.
    """
    for chunk in chunked(sorted({str(id_) for id_ in ids})):
        try:
            publish_chunk(chunk)
        except SessionStoreUnavailable:
            _overdue.add(chunk)
            log.warning("principals not published: Redis is away", extra={"count": len(chunk)})


def publish_overdue() -> None:
    """Publish what an outage held back."""
    publish(_overdue.take())


def publish_chunk(ids: Sequence[str]) -> int:
    """Publish these people; return how many entries had to change. Raises SessionStoreUnavailable."""
    people = {principal_entry(id_): id_ for id_ in ids}

    def plan(seen: Mapping[str, str | None]) -> dict[str, Value | None]:
        wanted = {p.id: p for p in build_principals(list(rows_of(people[entry] for entry in seen)))}
        stale = [entry for entry, value in seen.items() if _is_stale(people[entry], value, wanted.get(people[entry]))]
        return {entry: _value(wanted.get(people[entry])) for entry in stale}

    return replace_entries(people, plan)


def find_principal(user_id: str) -> Principal | None:
    """Return the published principal, or None when there is none or it is not ours."""
    return _decode(user_id, session_store().get(principal_entry(user_id)))


def user_ids() -> Iterator[list[str]]:
    """Yield the ids of all people in chunks, in bounded memory."""
    rows = user_rows().order_by("pk").values_list("pk", flat=True)
    chunk = list(rows[:CHUNK])
    while chunk:
        yield [str(pk) for pk in chunk]
        chunk = list(rows.filter(pk__gt=chunk[-1])[:CHUNK])


def published_ids() -> Iterator[list[str]]:
    """Yield the ids of all published principals in chunks, some maybe twice."""
    prefix = principal_entry("")
    yield from chunked(name.removeprefix(prefix) for name in scan(session_store(), f"{prefix}*"))


def chunked(ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield lists of at most CHUNK ids."""
    chunk: list[str] = []
    for id_ in ids:
        chunk.append(id_)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _value(principal: Principal | None) -> Value | None:
    return None if principal is None else Value(text=encode_principal(entry_signer(), principal))


def _is_stale(user_id: str, value: str | None, wanted: Principal | None) -> bool:
    """Tell whether an entry must change; also one that an older secret signed, long before that secret is removed."""
    if value is None or wanted is None:
        return (value is None) != (wanted is None)
    return _decode(user_id, value) != wanted or not entry_signer().is_current(principal_entry(user_id), value)


def _decode(user_id: str, value: str | None) -> Principal | None:
    if value is None:
        return None
    try:
        return decode_principal(entry_signer(), user_id, value)
    except SessionFormatError:
        return None
