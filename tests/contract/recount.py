"""What people keep, counted from what is stored and nothing else:
the counters of lua/counting.lua must say the same."""

from collections import Counter
from typing import Any

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import OUTCOMES
from flask_api.jobs.records.usage import EVENT_BYTES, JOB_BYTES, Usage, usage_of
from shared.redis import RedisClient, RedisGateway

_TEXTS = ("arguments", "result", "error", "attempts", "progress", "state", "files")


def recount(client: RedisClient, owner_id: str) -> Usage:
    """Return what a person keeps."""
    found: Counter[str] = Counter()
    for key in client.scan_iter(keyspace.record("*"), count=1000):
        record: Any = client.hgetall(key)
        if record.get("owner_id") == owner_id and "attempt" in record:  # a stub has none
            lines: Any = client.lrange(keyspace.log(str(key).rpartition(":")[2]), 0, -1)
            found["bytes"] += (
                JOB_BYTES
                + sum(map(_size, lines))
                + sum(_size(record.get(name, "")) for name in _TEXTS)
            )
            found["ended"] += record["status"] in OUTCOMES
            found["file_bytes"] += int(record.get("file_bytes", 0))
    for key in client.scan_iter(keyspace.batch("*"), count=1000):
        batch: Any = client.hgetall(key)
        if batch.get("owner_id") == owner_id and "is_stub" not in batch:
            found["bytes"] += JOB_BYTES
    uploads: Any = client.hvals(keyspace.uploads(owner_id))
    return Usage(
        bytes=found["bytes"],
        ended=found["ended"],
        unfinished=int(str(client.scard(keyspace.opened(owner_id)))),
        file_bytes=found["file_bytes"],
        event_bytes=_bytes_of_events(client, owner_id),
        uploads=len(uploads),
        upload_bytes=sum(map(int, uploads)),
    )


def check_counters(
    store: RedisGateway, client: RedisClient, owner_id: str, note: object = ""
) -> Usage:
    """Check that the counters say what is there; return it."""
    kept = usage_of(store, owner_id)
    assert kept == recount(client, owner_id), note
    return kept


def _bytes_of_events(client: RedisClient, owner_id: str) -> int:
    entries: Any = client.xrange(keyspace.events(owner_id))
    return sum(
        EVENT_BYTES
        + sum(_size(fields[name]) for name in ("job", "batch", "event") if name in fields)
        for _, fields in entries
    )


def _size(text: str) -> int:
    return len(text.encode())
