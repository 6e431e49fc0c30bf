"""What one person keeps, and how much they may:
bytes in Redis, ended jobs, bytes of their jobs' files.

The counters are a hash of the person's. Every script that writes or removes what is counted changes
them too, in the same atomic step (lua/counting.lua), so they can't part from what is there:
not by a kill, a lost reply or a retry.

    kept:7   bytes 48211   ended 12   file_bytes 1048576   told 8812

``told`` is how many bytes of events there were so far; some events say the same as of their time.

A job counts as 1,000 bytes and the texts of its record (arguments, result, error, earlier attempts,
progress, state, list of its files) and its log lines. A batch counts as 1,000 bytes besides.
Events are not among them: they are bounded by themselves.
"""

from typing import NamedTuple, cast

from flask_api.jobs.records import keyspace
from shared.redis import RedisClient, RedisGateway
from shared.settings import ApiSettings

JOB_BYTES = 1_000
EVENTS_BYTES = 10_000_000
EVENT_BYTES = 100
# Events that are marked with what was told up to them are 4,096 bytes apart (lua/counting.lua),
# others have 100 and more.
_MARKED_WITHIN = 100


class Quota(NamedTuple):
    """How much one person may keep: bytes in Redis, ended jobs, bytes of jobs' files."""

    bytes: int
    ended: int
    file_bytes: int


UNBOUNDED = Quota(bytes=2**53, ended=2**53, file_bytes=2**53)


def quota_of(settings: ApiSettings) -> Quota:
    """Return what the settings allow one person."""
    return Quota(
        bytes=settings.person_bytes,
        ended=settings.person_ended_jobs,
        file_bytes=settings.person_file_bytes,
    )


class Usage(NamedTuple):
    """How much one person keeps. ``uploads`` and ``upload_bytes`` are uploaded files,
    those being received too."""

    bytes: int
    ended: int
    unfinished: int
    file_bytes: int
    event_bytes: int
    uploads: int
    upload_bytes: int


def usage_of(store: RedisGateway, owner_id: str) -> Usage:
    """Return what a person keeps, all of one instant.
    Raises JobStoreUnavailable while Redis is away."""

    def read(client: RedisClient) -> list[object]:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keyspace.kept(owner_id), ["bytes", "ended", "file_bytes", "told"])
            pipeline.scard(keyspace.opened(owner_id))
            pipeline.xrange(keyspace.events(owner_id), count=_MARKED_WITHIN)
            pipeline.hvals(keyspace.uploads(owner_id))
            return cast("list[object]", pipeline.execute())

    kept, unfinished, events, sizes = store.read(read)
    counters = [int(value or 0) for value in cast("list[str | None]", kept)]
    uploads = [int(size) for size in cast("list[str]", sizes)]
    return Usage(
        bytes=counters[0],
        ended=counters[1],
        unfinished=cast(int, unfinished),
        file_bytes=counters[2],
        event_bytes=_event_bytes(cast("_Entries", events), told=counters[3]),
        uploads=len(uploads),
        upload_bytes=sum(uploads),
    )


_Entries = list[tuple[str, dict[str, str]]]


def _event_bytes(oldest: _Entries, *, told: int) -> int:
    """Return how many bytes a stream holds: the oldest events up to the first that is marked,
    and what was told since."""
    size = 0
    for _, fields in oldest:
        size += EVENT_BYTES + sum(
            len(fields.get(name, "").encode()) for name in ("job", "batch", "event")
        )
        if "told" in fields:
            return size + told - int(fields["told"])
    return size
