"""When the attempts of the last minutes ran, and where: of all people and processes.

Nothing is kept for it. What runs is found where it is held (.unfinished), what has ended by the
list of what will be forgotten: by each time to live that tasks have here, what ended lately is
forgotten that much later. Of a job there is its last attempt, and when earlier ones ended. A
bounded number of records is looked at, a few small fields of each, and it is said whether that was
all.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from flask_api.jobs.operating.unfinished import read_unfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import OUTCOMES, JobStatus, slot_in
from flask_api.jobs.records.job_reader import JobReader, read_fields
from flask_api.jobs.records.reading.pages import pieces
from flask_api.jobs.removal import BATCH
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

LONGEST_MINUTES = 60
MOST_SHOWN = 500
MOST_ENDED, MOST_UNFINISHED = 1_000, 5_000  # that are looked at
MOST_TTLS = 20  # of tasks, and the setting's: what ended lately is looked for by each
_SLACK_S = 5  # a job's end and when it is forgotten are of one clock, but rounded apart
_AT_ONCE = 500
_DRAWN = OUTCOMES | {JobStatus.RUNNING}
_FIELDS = ("status", "task", "executor", "instance", "attempt", "slot", "started_at", "finished_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAttempt:
    """The last attempt of a job. ``instance``: the process or worker that held it; ``slot``: in
    which one of its executor it ended, None while it runs, or where that is not known;
    ``failed_at``: when earlier attempts of the job ended, of which the begin is not known."""

    job_id: str
    task: str
    status: JobStatus
    executor: str
    instance: str
    number: int
    slot: int | None
    started_at: datetime
    finished_at: datetime | None
    failed_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RanLately:
    """What ran between ``begin`` and ``end``, which is now: what runs, then what ended last.
    ``is_whole``: whether there can't be more
    of jobs that are kept as long as this process keeps its own."""

    begin: datetime
    end: datetime
    attempts: list[TimedAttempt]
    is_whole: bool


def read_timeline(store: RedisGateway, *, minutes: int, ttls: Sequence[int]) -> RanLately:
    """Return what ran in the last minutes. ``ttls``: how long ended jobs are kept, all that there
    are. Raises JobStoreUnavailable."""
    end = JOBS_CLOCK.moment()
    begin, reader = end - timedelta(minutes=minutes), JobReader(store)
    running, are_all_running = _running(store, reader)
    ended, are_all_ended = _ended(store, begin, end, ttls)
    attempts = {each.job_id: each for each in running}
    attempts |= {each.job_id: each for each in ended}  # one that ended in between has ended
    shown = sorted(attempts.values(), key=_last_first)[:MOST_SHOWN]
    return RanLately(
        begin=begin,
        end=end,
        attempts=_with_failures(store, reader, shown),
        is_whole=are_all_running and are_all_ended and len(shown) == len(attempts),
    )


def _last_first(attempt: TimedAttempt) -> tuple[float, float]:
    ended = attempt.finished_at.timestamp() if attempt.finished_at else float("inf")
    return -ended, -attempt.started_at.timestamp()


def _running(store: RedisGateway, reader: JobReader) -> tuple[list[TimedAttempt], bool]:
    """Return what runs, and whether that is all: looked for among the oldest unfinished jobs."""
    unfinished = read_unfinished(store)
    looked_at = unfinished.ids[-MOST_UNFINISHED:]
    ids: list[str] = []
    for first in range(0, len(looked_at), _AT_ONCE):
        piece = looked_at[first : first + _AT_ONCE]
        ids += reader.measure(piece, statuses={JobStatus.RUNNING}, texts=())
    found = list(_read(store, ids[:MOST_SHOWN]))
    return found, unfinished.total <= len(looked_at) and len(ids) <= MOST_SHOWN


def _ended(
    store: RedisGateway, begin: datetime, end: datetime, ttls: Sequence[int]
) -> tuple[list[TimedAttempt], bool]:
    """Return what ended since then, those that ended last, and whether that is all."""
    looked_for = ttls[:MOST_TTLS]
    rows = store.read(lambda client: _forgotten_later(client, begin, end, looked_for))
    ends: dict[str, float] = {}  # by more than one time to live: the later is looked at first
    for ttl_s, row in zip(looked_for, rows, strict=True):
        for job_id, forgotten_at in row:
            if not job_id.startswith(BATCH):
                ends[job_id] = max(forgotten_at - ttl_s, ends.get(job_id, 0.0))
    ids = sorted(ends, key=lambda job_id: ends[job_id], reverse=True)[:MOST_ENDED]
    found = [each for each in _read(store, ids) if each.finished_at and each.finished_at >= begin]
    are_all = len(looked_for) == len(ttls) and all(len(row) <= MOST_ENDED for row in rows)
    return found, are_all and len(ids) == len(ends)


def _forgotten_later(
    client: RedisClient, begin: datetime, end: datetime, ttls: Iterable[int]
) -> list[list[tuple[str, float]]]:
    """Return, by time to live, what is forgotten that long after it ended in between; of more
    than are looked at one more, those that ended last."""
    first, last = begin.timestamp() - _SLACK_S, end.timestamp() + _SLACK_S
    with client.pipeline(transaction=False) as pipeline:
        for ttl_s in ttls:
            pipeline.zrevrangebyscore(
                keyspace.EXPIRING, last + ttl_s, first + ttl_s, 0, MOST_ENDED + 1, withscores=True
            )
        return cast("list[list[tuple[str, float]]]", pipeline.execute())


def _read(store: RedisGateway, ids: Sequence[str]) -> Iterator[TimedAttempt]:
    """Yield the last attempts of those of these jobs that have begun."""
    for first in range(0, len(ids), _AT_ONCE):
        piece = list(ids[first : first + _AT_ONCE])
        rows = store.read(partial(read_fields, ids=piece, names=_FIELDS))
        for job_id, row in zip(piece, rows, strict=True):
            status, task, executor, instance, number, slot, started_at, finished_at = row
            if status in _DRAWN and started_at:
                yield TimedAttempt(
                    job_id=job_id,
                    task=task or "",
                    status=JobStatus(status),
                    executor=executor or "",
                    instance=instance or "",
                    number=int(number or 0),
                    slot=slot_in(slot, status),
                    started_at=datetime.fromisoformat(started_at),
                    finished_at=datetime.fromisoformat(finished_at) if finished_at else None,
                )


def _with_failures(
    store: RedisGateway, reader: JobReader, attempts: Sequence[TimedAttempt]
) -> list[TimedAttempt]:
    """Return the attempts with those before them, as far as one round trip may carry these: each
    may have twenty errors."""
    retried = [each.job_id for each in attempts if each.number > 1]
    sizes = reader.measure(retried, texts=("attempts",))
    ids = list(next(pieces(sizes), {}))
    rows = (
        store.read(partial(read_fields, ids=ids, names=("attempts",)), is_large=True) if ids else []
    )
    failed = {job_id: _failed_at(text or "[]") for job_id, (text,) in zip(ids, rows, strict=True)}
    return [replace(each, failed_at=failed.get(each.job_id, ())) for each in attempts]


def _failed_at(text: str) -> tuple[datetime, ...]:
    earlier: list[dict[str, Any]] = json.loads(text)
    moments = (each.get("ended_at") for each in earlier)
    return tuple(datetime.fromisoformat(moment) for moment in moments if moment)
