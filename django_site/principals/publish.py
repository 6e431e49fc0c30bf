"""Write principals to the session store, and take them back. The database is the truth;
this only repeats it."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from django_site.contract import contract_settings, entry_signer, session_store
from django_site.principals.build import build_principals
from django_site.publishing.chunks import CHUNK
from django_site.publishing.databases import people_database, read_committed, snapshot
from django_site.publishing.people import id_of, rows_of
from django_site.publishing.presence import SLACK_S, Arrivals
from django_site.publishing.versions import Lives, Mark, Named, Value, replace_entries
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
from shared.redis import RedisClient

_FOR_EVER = -1  # what Redis calls the lifetime of an entry without an end

log = logging.getLogger("gatehouse.principals")


class _Overdue:
    """People whose change could not be published because Redis was away, and how long each stays at
    least. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, int] = {}

    def add(self, people: Arrivals) -> None:
        with self._lock:
            for id_, stay_s in people.items():
                self._people[id_] = max(stay_s, self._people.get(id_, 0))

    def take(self) -> Arrivals:
        with self._lock:
            people, self._people = self._people, {}
        return people


_overdue = _Overdue()


def publish(keys: Iterable[Any]) -> None:
    """Publish those of the people with these primary keys who are there, as the database has them
    now; who is no longer in it is withdrawn, and who is gone is marked.

    Never raises for an outage: the change is in the database already. The reconciler repeats it as
    soon as Redis is back; until then no request is let in anyway, for the same Redis is asked.
    """
    publish_arrivals({id_of(key): 0 for key in keys})


def publish_with_session(key: Any) -> None:
    """Publish who logs in, or has a session and no principal, for as long as a session lives that
    is used now. Never raises for an outage, as ``publish``."""
    publish_arrivals({id_of(key): contract_settings().session_idle_s + SLACK_S})


def publish_arrivals(people: Arrivals) -> None:
    """Publish people who arrive, or stay: so many seconds at least, and with 0 only those who are
    there. Never raises for an outage, as ``publish``."""
    ids = sorted(people)
    for start in range(0, len(ids), CHUNK):
        chunk = {id_: people[id_] for id_ in ids[start : start + CHUNK]}
        try:
            read_committed(partial(publish_chunk, chunk), using=people_database())
        except SessionStoreUnavailable:
            _overdue.add(chunk)
            log.warning("principals not published: Redis is away", extra={"count": len(chunk)})


def welcome(people: Arrivals) -> int:
    """Publish those of these people who aren't published for as long as they stay;
    return how many. Raises SessionStoreUnavailable."""
    ids, count = list(people), 0
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        lives = zip(chunk, _lifetimes_of(map(principal_entry, chunk)), strict=True)
        late = {
            id_: people[id_] + SLACK_S
            for id_, left_s in lives
            if left_s != _FOR_EVER and left_s < people[id_]
        }
        count += read_committed(partial(_publish_those_there_are, late), using=people_database())
    return count


def welcome_anew(people: Arrivals) -> None:
    """Publish these people as the database has them now, for as long as they stay at least.
    Raises SessionStoreUnavailable."""
    stays = {id_: stay_s + SLACK_S for id_, stay_s in people.items()}
    read_committed(partial(publish_chunk, stays), using=people_database())


def _publish_those_there_are(late: Arrivals) -> int:
    """Publish these people but those who have no row: their sessions live on without them."""

    def read(version: int) -> dict[str, Value | None]:
        found = {id_: person for id_, person in _people(list(late)).items() if person is not None}
        return _values(found, version, stays=late)

    return replace_entries(read) if late else 0


def publish_overdue() -> None:
    """Publish what an outage held back."""
    publish_arrivals(_overdue.take())


def publish_chunk(people: Arrivals) -> None:
    """Publish these people, changed or not: the version must stand there too.
    Raises SessionStoreUnavailable."""
    replace_entries(lambda version: _values(_people(list(people)), version, stays=people))


def correct_chunk(ids: Sequence[str]) -> int:
    """Publish those of these people whose entry is there and not what it should be;
    return how many.

    Leaves the others as they are, so it needs a ``begin_anew`` before.
    Raises SessionStoreUnavailable.
    """

    def read(version: int) -> dict[str, Value | None]:
        seen = _values_of(map(principal_entry, ids))
        there = [id_ for id_ in ids if seen[principal_entry(id_)] is not None]
        people = _people(there)
        lost = _lost_sets(filter(None, people.values()))
        stale = {
            id_: person
            for id_, person in people.items()
            if person is None or _is_stale(person, str(seen[principal_entry(id_)]), lost)
        }
        return _values(stale, version)

    return replace_entries(read)


def find_principal(user_id: str) -> Principal | None:
    """Return the published principal, or None when there is none or it is not ours."""
    return _decode(user_id, session_store().get(principal_entry(user_id)))


def _people(ids: Sequence[str]) -> dict[str, Principal | None]:
    """Return what the database says of each of these ids; None: there is nobody."""
    with snapshot(people_database()):
        found = {principal.id: principal for principal in build_principals(list(rows_of(ids)))}
    return {id_: found.get(id_) for id_ in ids}


def _values(
    people: Mapping[str, Principal | None], version: int, *, stays: Arrivals | None = None
) -> dict[str, Value | None]:
    named: dict[str, Named | None] = {NO_PERMISSIONS: None}
    for person in filter(None, people.values()):
        if person.permission_set.digest not in named:  # signed once, however many have it
            named[person.permission_set.digest] = _named(person.permission_set)
    return {
        principal_entry(id_): _value(id_, person, version, named, (stays or {}).get(id_, 0))
        for id_, person in people.items()
    }


def _named(permissions: PermissionSet) -> Named:
    text = encode_permissions(entry_signer(), permissions)
    return Named(entry=permissions_entry(permissions.digest), text=text)


def _value(
    id_: str,
    person: Principal | None,
    version: int,
    named: Mapping[str, Named | None],
    stay_s: int,
) -> Value:
    """Return what stands for a person: their principal with the set of permissions that it names,
    and the mark that they are gone or none."""
    signer = entry_signer()
    is_there = person is not None and person.is_active
    gone = "" if is_there else encode_gone(signer, id_, is_deleted=not person, version=version)
    return Value(
        text="" if person is None else encode_principal(signer, person, version=version),
        ttl_s=stay_s,
        lives=Lives.ARRIVE if stay_s else Lives.KEEP,
        mark=Mark(user_id=id_, text=gone),
        names=None if person is None else named[person.permission_set.digest],
    )


def _is_stale(wanted: Principal, value: str, lost: set[str]) -> bool:
    """Tell whether an entry must change; also one that an older secret signed,
    long before that secret is removed, and one whose permissions are lost."""
    return (
        wanted.permission_set.digest in lost
        or not says(entry_signer(), wanted, value)
        or not entry_signer().is_current(principal_entry(wanted.id), value)
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


def _lifetimes_of(entries: Iterable[str]) -> list[int]:
    """Return for how many seconds each lives; below 0: it is not there, or has no end."""

    def ask(client: RedisClient) -> list[int]:
        pipeline = client.pipeline(transaction=False)
        for entry in entries:
            pipeline.ttl(entry)
        return cast("list[int]", pipeline.execute())

    return session_store().read(ask)


def _decode(user_id: str, value: str | None) -> Principal | None:
    if value is None:
        return None
    find = PermissionReader(session_store(), entry_signer()).find
    try:
        return decode_principal(entry_signer(), user_id, value, find=find)
    except EntryFormatError:
        return None
