"""Make the principals of those who are there equal to the database: slice by slice,
so that it can be done slowly beside the requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from django_site.contract import session_store
from django_site.principals.publish import correct_chunk, welcome
from django_site.publishing.chunks import chunked
from django_site.publishing.people import id_of, rows_of
from django_site.publishing.presence import published
from django_site.publishing.rebuild import Rebuilt
from django_site.publishing.versions import PUBLISHED, begin_anew
from django_site.sessions.index import people_with_sessions, stays_of
from shared.contract.entries import principal_entry, sessions_of_entry
from shared.redis import Script, scan

_SLICE = 400  # the queries of one take as long for a hundred people
# How long an entry of before principals ended lives on, if nobody is there: a key's owner is
# listed later than this looks.
_GRACE_S = 3600
_GIVE_AN_END = Script.read(Path(__file__).with_name("give_an_end.lua"))


def reconcile_people() -> Iterator[Rebuilt]:
    """Publish every principal that is there and differs from its row, and remove those without one.
    Yields after each slice; bounded memory. Raises SessionStoreUnavailable."""
    begin_anew()
    for ids in published(principal_entry(""), count=_SLICE):
        yield Rebuilt(seen=len(ids), written=correct_chunk(ids))


def rebuild_people() -> Iterator[Rebuilt]:
    """Do that whatever is listed, and publish who has a live session and no principal.

    Bounded memory, any number of people. Raises SessionStoreUnavailable.
    """
    begin_anew()
    prefix = principal_entry("")
    for ids in chunked(name.removeprefix(prefix) for name in scan(session_store(), f"{prefix}*")):
        _give_an_end(ids)
        changed = correct_chunk(ids)
        rows = {id_of(pk) for pk in rows_of(ids).values_list("pk", flat=True)}
        gone = min(changed, len(set(ids) - rows))
        yield Rebuilt(seen=len(ids) - gone, written=changed - gone, pruned=gone)
    for ids in people_with_sessions():
        yield Rebuilt(written=welcome(stays_of(ids)))


def _give_an_end(ids: list[str]) -> None:
    """Let entries of before principals ended live as long as their people's sessions,
    and list what is published."""
    keys = [PUBLISHED]
    for id_ in ids:
        keys += [principal_entry(id_), sessions_of_entry(id_)]
    cast(int, session_store().run(_GIVE_AN_END, keys, [_GRACE_S]))
