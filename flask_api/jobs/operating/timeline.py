"""When the attempts of the last minutes ran, and where: of all people and processes.

Nothing is kept for it. What runs is found where it is held (.unfinished), what has ended by the
list of what will be forgotten; of a job there is its last attempt, and when earlier ones ended. A
bounded number of records is looked at, a few small fields of each, and it is said whether that was
all.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from flask_api.jobs.operating.unfinished import read_unfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import OUTCOMES, JobStatus
from flask_api.jobs.records.job_reader import JobReader, read_fields
from flask_api.jobs.records.reading.pages import pieces
from flask_api.jobs.removal import BATCH
from shared.clock import JOBS_CLOCK
from shared.redis import RedisGateway

LONGEST_MINUTES = 60
MOST_SHOWN = 500
MOST_ENDED, MOST_UNFINISHED = 1_000, 5_000  # that are looked at
_AT_ONCE = 500
_DRAWN = OUTCOMES | {JobStatus.RUNNING}
_FIELDS = ("status", "task", "executor", "instance", "attempt", "started_at", "finished_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAttempt:
    """The last attempt of a job. ``instance``: the process or worker that held it; ``failed_at``:
    when earlier attempts of the job ended, of which the begin is not known."""

    job_id: str
    task: str
    status: JobStatus
    executor: str
    instance: str
    number: int
    started_at: datetime
    finished_at: datetime | None
    failed_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RanLately:
    """What ran between ``begin`` and ``end``, which is now: what runs, then what ended last.
    ``is_whole``: whether there can't be more."""

    begin: datetime
    end: datetime
    attempts: list[TimedAttempt]
    is_whole: bool


def read_timeline(store: RedisGateway, *, minutes: int) -> RanLately:
    """Return what ran in the last minutes. Raises JobStoreUnavailable."""
    end = JOBS_CLOCK.moment()
    begin, reader = end - timedelta(minutes=minutes), JobReader(store)
    running, are_all_running = _running(store, reader)
    ended, are_all_ended = _ended(store, begin)
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


def _ended(store: RedisGateway, begin: datetime) -> tuple[list[TimedAttempt], bool]:
    """Return what ended since then, and whether that is all: what lies behind the last that was
    looked at is forgotten sooner, so mostly ended earlier."""
    rows = store.read(lambda client: client.zrevrange(keyspace.EXPIRING, 0, MOST_ENDED - 1))
    ids = [each for each in cast("list[str]", rows) if not each.startswith(BATCH)]
    looked_at = list(_read(store, ids))
    found = [each for each in looked_at if each.finished_at and each.finished_at >= begin]
    return found, len(rows) < MOST_ENDED or looked_at[-1:] != found[-1:]


def _read(store: RedisGateway, ids: Sequence[str]) -> Iterator[TimedAttempt]:
    """Yield the last attempts of those of these jobs that have begun."""
    for first in range(0, len(ids), _AT_ONCE):
        piece = list(ids[first : first + _AT_ONCE])
        rows = store.read(partial(read_fields, ids=piece, names=_FIELDS))
        for job_id, row in zip(piece, rows, strict=True):
            status, task, executor, instance, number, started_at, finished_at = row
            if status in _DRAWN and started_at:
                yield TimedAttempt(
                    job_id=job_id,
                    task=task or "",
                    status=JobStatus(status),
                    executor=executor or "",
                    instance=instance or "",
                    number=int(number or 0),
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
