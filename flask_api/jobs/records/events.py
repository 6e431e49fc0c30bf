"""What happened to a person's jobs: how it is told, and how it is read back.

The engine and its scripts tell it (docs/events.md; where it is quicker, Lua writes the same:
turn.lua) to a bounded stream in Redis (flask_api.jobs.records.keyspace).

Each entry of a stream has two fields: the job or batch, and the event as JSON::

    1795167000125-0  job <id>    event {"event": "status", "status": "succeeded", "batch": <id>}
    1795167000125-1  job <id>    event {"event": "report", "progress": {...}, "log": ["{...}", ...]}
    1795167000130-0  batch <id>  event {"event": "batch", "total": 100, "task": "primes.sum",
                                        "batch": <id>}

Its id is the event's position: positions only grow,
and a reader that knows one can go on after it as long as the stream holds it.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Self

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from shared.errors import JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway

log = logging.getLogger("gatehouse.jobs")

PAGE = 100  # an event may hold 200 log lines: more at once could fill the memory
# one line of the greatest length fits; ten thousand such events are 100 MB at the very most
EVENTS_KEPT = 10_000  # of one person
LOG_BYTES = 10_000
DOORBELL_TTL_S = 60
_TAILS_AT_ONCE = 500

CANCEL_REQUESTED = json.dumps({"event": "cancel_requested"})
DELETED = json.dumps({"event": "deleted"})
_POSITION = re.compile(r"([0-9]{1,20})-([0-9]{1,20})", re.ASCII)
_LARGEST = 2**64 - 1


class Position(NamedTuple):
    """A place in a stream, in Redis's own form ``<milliseconds>-<number>``;
    ``0-0`` is before everything."""

    milliseconds: int
    number: int

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that ``text`` names. Raises ValueError when it names none."""
        found = _POSITION.fullmatch(text)
        position = cls(*map(int, found.groups())) if found else cls(-1, -1)
        if not 0 <= min(position) <= max(position) <= _LARGEST:
            raise ValueError("not a position")
        return position


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. ``data`` is what a client is told of it, as JSON in one line."""

    position: Position
    kind: str
    job: str | None
    batch: str | None
    ends_a_job: bool
    data: str


class EventLog:
    """Reads people's streams. Thread-safe; every method raises JobStoreUnavailable when Redis is
    away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store

    def tail(self, owner_id: str) -> Position:
        """Return the position of the last event, ``0-0`` when there was none."""
        return _position_of(
            self._store.read(lambda client: client.xrevrange(keyspace.events(owner_id), count=1))
        )

    def tails(self, owner_ids: Sequence[str]) -> Iterator[tuple[str, Position]]:
        """Yield each of these people and the position of their last event, in few reads."""
        for first in range(0, len(owner_ids), _TAILS_AT_ONCE):
            some = owner_ids[first : first + _TAILS_AT_ONCE]
            found = self._store.read(lambda client: _read_tails(client, some))  # noqa: B023  # run at once
            yield from zip(some, map(_position_of, found), strict=True)

    def with_tail(
        self, owner_id: str, entry: str, fields: Sequence[str]
    ) -> tuple[dict[str, str], Position]:
        """Return what an entry's fields hold, and the stream's tail at the same instant:
        what comes later is not in them."""

        def read(client: RedisClient) -> list[Any]:
            with client.pipeline(transaction=True) as pipeline:
                pipeline.hmget(entry, list(fields))
                pipeline.xrevrange(keyspace.events(owner_id), count=1)
                return pipeline.execute()

        values, last = self._store.read(read)
        found = {
            name: value for name, value in zip(fields, values, strict=True) if value is not None
        }
        return found, _position_of(last)

    def after(self, owner_id: str, position: Position) -> list[Event]:
        """Return the next events after ``position``, at most a page of them."""
        entries = self._store.read(
            lambda client: client.xrange(keyspace.events(owner_id), min=f"({position}", count=PAGE)
        )
        return _events(entries)

    def is_whole_after(self, owner_id: str, position: Position) -> bool:
        """Tell whether all that happened after ``position`` is still there.
        When that can't be known, it is not."""
        key = keyspace.events(owner_id)

        def read(client: RedisClient) -> list[Any]:
            with client.pipeline(transaction=True) as pipeline:
                pipeline.xrange(key, count=1)
                pipeline.xrevrange(key, count=1)
                return pipeline.execute()

        first, last = (_position_of(entries) for entries in self._store.read(read))
        if first <= position <= last:
            return True
        if position > last:  # of another life of this Redis, or made up
            return False
        # Before the first: whole only if nothing was ever cut off.
        info = self._store.read(lambda client: client.xinfo_stream(key))
        return bool(info["entries-added"] == info["length"])

    def wait_for_any(
        self, positions: Mapping[str, Position], *, bell: "Doorbell", block_ms: int
    ) -> dict[str, list[Event]]:
        """Return by owner the events after their positions, as soon as there are any;
        nothing after ``block_ms``, or when the bell rings."""
        streams: dict[Any, Any] = {
            keyspace.events(owner_id): str(position) for owner_id, position in positions.items()
        }
        streams[bell.entry] = str(bell.heard)
        answer: Any = self._store.read(
            lambda client: client.xread(streams, count=PAGE, block=block_ms)
        )
        found: dict[str, list[Event]] = {}
        owners = {keyspace.events(owner_id): owner_id for owner_id in positions}
        for key, entries in answer:
            if key == bell.entry:
                bell.heard = Position.parse(entries[-1][0])
            else:
                found[owners[key]] = _events(entries)
        return found


class Doorbell:
    """Ends a reader's wait inside Redis from another connection. For one reader, any ringers."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self.entry = keyspace.doorbell(secrets.token_hex(8))
        self.heard = BEGINNING

    def ring(self) -> None:
        """End the wait. Where Redis can't store that just now, it ends by itself soon."""

        def add(client: RedisClient) -> None:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.xadd(self.entry, {"at": "door"}, maxlen=1, approximate=False)
                pipeline.expire(self.entry, DOORBELL_TTL_S)
                pipeline.execute()

        with suppress(JobStoreUnavailable):
            self._store.write(add)


def _read_tails(client: RedisClient, owner_ids: Sequence[str]) -> list[Any]:
    with client.pipeline(transaction=False) as pipeline:
        for owner_id in owner_ids:
            pipeline.xrevrange(keyspace.events(owner_id), count=1)
        return pipeline.execute()


def _position_of(entries: Any) -> Position:
    return Position.parse(entries[0][0]) if entries else BEGINNING


def _events(entries: Any) -> list[Event]:
    return [_event(Position.parse(position), fields) for position, fields in entries]


def _event(position: Position, fields: Mapping[str, str]) -> Event:
    """Return what an entry says. One that is not the engine's is an event of no kind that concerns
    nobody."""
    try:
        told = json.loads(fields["event"])
        kind = str(told.pop("event"))
        told["log"] = [json.loads(line) for line in told.get("log", ())]
    except (KeyError, TypeError, ValueError, AttributeError):
        log.warning("an unreadable event", extra={"position": str(position)})
        return Event(position=position, kind="", job=None, batch=None, ends_a_job=False, data="{}")
    if not told["log"]:
        del told["log"]
    job, batch = fields.get("job"), fields.get("batch") or told.get("batch")
    status = told.get("status")
    return Event(
        position=position,
        kind=kind,
        job=job,
        batch=batch,
        ends_a_job=job is not None and status in _OUTCOMES,
        data=json.dumps({**({"job": job} if job else {}), **told}, separators=(",", ":")),
    )


_OUTCOMES = frozenset(status.value for status in JobStatus if status.is_outcome)


def deleted_batch_event(batch: str) -> str:
    """Return the event of a batch that its person deleted."""
    return json.dumps({"event": "deleted", "batch": batch})


@cache
def state_event(status: JobStatus, *, task: str | None = None) -> str:
    """Return the event of a change of state; that of an accepted job names its task."""
    return json.dumps({"event": "status", "status": status, **({"task": task} if task else {})})


def batch_event(batch: str, *, total: int, task: str) -> str:
    """Return the event of an accepted batch."""
    return json.dumps({"event": "batch", "batch": batch, "total": total, "task": task})


def report_event(changes: Mapping[str, Any], lines: Sequence[str]) -> str:
    """Return the event of what a job says: progress, files, and the newest log lines that fit.
    Its log has all of them."""
    return json.dumps({"event": "report", **changes, **({"log": _newest(lines)} if lines else {})})


def _newest(lines: Sequence[str]) -> list[str]:
    told: list[str] = []
    room = LOG_BYTES
    for line in reversed(lines):
        room -= len(line)
        if room < 0:
            break
        told.append(line)
    return told[::-1]
