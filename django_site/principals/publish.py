"""Write principals to the session store, and take them back. The database is the truth;
this only repeats it."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from django_site.contract import entry_signer, session_store
from django_site.principals.build import build_principals
from django_site.publishing.chunks import CHUNK, chunked
from django_site.publishing.databases import people_database, read_committed, snapshot, user_rows
from django_site.publishing.people import id_of, rows_of
from django_site.publishing.versions import Mark, Named, Value, replace_entries
from shared.contract.entries import permissions_entry, principal_entry
from shared.contract.gone import encode_gone
from shared.contract.permissions import (
    NO_PERMISSIONS,
    PermissionReader,
    PermissionSet,
    decode_permissions,
    encode_permissions,
)
from shared.contract.principal import Principal, decode_principal, encode_principal, says
from shared.errors import EntryFormatError, SessionStoreUnavailable
from shared.redis import scan

log = logging.getLogger("gatehouse.principals")


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


def publish(keys: Iterable[Any]) -> None:
    """Publish the people with these primary keys as the database has them now;
    who is no longer there is withdrawn.

    Never raises for an outage: the change is in the database already. The reconciler repeats it as
    soon as Redis is back; until then no request is let in anyway, for the same Redis is asked.
    """
    _publish({id_of(key) for key in keys})


def _publish(ids: Iterable[str]) -> None:
    for chunk in chunked(sorted(ids)):
        try:
            read_committed(partial(publish_chunk, chunk), using=people_database())
        except SessionStoreUnavailable:
            _overdue.add(chunk)
            log.warning("principals not published: Redis is away", extra={"count": len(chunk)})


def publish_overdue() -> None:
    """Publish what an outage held back."""
    _publish(_overdue.take())


def publish_chunk(ids: Sequence[str]) -> None:
    """Publish these people, changed or not: the version must stand there too.
    Raises SessionStoreUnavailable."""
    replace_entries(lambda version: _values(_people(ids), version))


def correct_chunk(ids: Sequence[str]) -> int:
    """Publish those of these people whose entry is not what it should be; return how many.

    Leaves the others as they are, so it needs a ``begin_anew`` before.
    Raises SessionStoreUnavailable.
    """

    def read(version: int) -> dict[str, Value | None]:
        seen, people = _values_of(map(principal_entry, ids)), _people(ids)
        lost = _lost_sets(filter(None, people.values()))
        stale = {
            id_: people[id_]
            for id_ in ids
            if _is_stale(id_, seen[principal_entry(id_)], people[id_], lost)
        }
        return _values(stale, version)

    return replace_entries(read)


def find_principal(user_id: str) -> Principal | None:
    """Return the published principal, or None when there is none or it is not ours."""
    return _decode(user_id, session_store().get(principal_entry(user_id)))


def user_ids() -> Iterator[list[str]]:
    """Yield the ids of all people in chunks, in bounded memory."""
    rows = user_rows().order_by("pk").values_list("pk", flat=True)
    chunk = list(rows[:CHUNK])
    while chunk:
        yield [id_of(pk) for pk in chunk]
        chunk = list(rows.filter(pk__gt=chunk[-1])[:CHUNK])


def published_ids() -> Iterator[list[str]]:
    """Yield the ids of all published principals in chunks, some maybe twice."""
    prefix = principal_entry("")
    yield from chunked(name.removeprefix(prefix) for name in scan(session_store(), f"{prefix}*"))


def _people(ids: Sequence[str]) -> dict[str, Principal | None]:
    """Return what the database says of each of these ids; None: there is nobody."""
    with snapshot(people_database()):
        found = {principal.id: principal for principal in build_principals(list(rows_of(ids)))}
    return {id_: found.get(id_) for id_ in ids}


def _values(people: Mapping[str, Principal | None], version: int) -> dict[str, Value | None]:
    named: dict[str, Named | None] = {NO_PERMISSIONS: None}
    for person in filter(None, people.values()):
        if person.permission_set.digest not in named:  # signed once, however many have it
            named[person.permission_set.digest] = _named(person.permission_set)
    return {
        principal_entry(id_): _value(id_, person, version, named) for id_, person in people.items()
    }


def _named(permissions: PermissionSet) -> Named:
    text = encode_permissions(entry_signer(), permissions)
    return Named(entry=permissions_entry(permissions.digest), text=text)


def _value(
    id_: str, person: Principal | None, version: int, named: Mapping[str, Named | None]
) -> Value:
    """Return what stands for a person: their principal with the set of permissions that it names,
    and the mark that they are gone or none."""
    signer = entry_signer()
    is_there = person is not None and person.is_active
    gone = "" if is_there else encode_gone(signer, id_, is_deleted=not person, version=version)
    return Value(
        text="" if person is None else encode_principal(signer, person, version=version),
        mark=Mark(user_id=id_, text=gone),
        names=None if person is None else named[person.permission_set.digest],
    )


def _is_stale(id_: str, value: str | None, wanted: Principal | None, lost: set[str]) -> bool:
    """Tell whether an entry must change; also one that an older secret signed,
    long before that secret is removed, and one whose permissions are lost."""
    if value is None or wanted is None:
        return (value is None) != (wanted is None)
    return (
        wanted.permission_set.digest in lost
        or not says(entry_signer(), wanted, value)
        or not entry_signer().is_current(principal_entry(id_), value)
    )


def _lost_sets(people: Iterable[Principal]) -> set[str]:
    """Return the digests of those sets that aren't in Redis as they should be."""
    digests = {person.permission_set.digest for person in people} - {NO_PERMISSIONS}
    seen = _values_of(map(permissions_entry, digests))
    return {each for each in digests if not _is_set(each, seen[permissions_entry(each)])}


def _is_set(digest: str, value: str | None) -> bool:
    if value is None:
        return False
    try:
        decode_permissions(entry_signer(), digest, value)
    except EntryFormatError:
        return False
    return entry_signer().is_current(permissions_entry(digest), value)


def _values_of(entries: Iterable[str]) -> dict[str, str | None]:
    names = list(entries)
    values = session_store().read(lambda client: client.mget(names)) if names else []
    return dict(zip(names, cast(list[str | None], values), strict=True))


def _decode(user_id: str, value: str | None) -> Principal | None:
    if value is None:
        return None
    find = PermissionReader(session_store(), entry_signer()).find
    try:
        return decode_principal(entry_signer(), user_id, value, find=find)
    except EntryFormatError:
        return None
