"""What runs where: the server processes and workers that live, and what waits in their queues."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask_api.jobs.operating.unfinished import UnfinishedIds, read_unfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.beats import ExecutorLoad, read_beat
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.pauses import PauseStore, WorkPauses
from flask_api.jobs.records.roster import WorkerKind, WorkerName
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

_MOST_SHOWN = 500  # of instances, and of workers
_OLDEST_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveInstance:
    """A server process: how long ago it beat, how many jobs it holds, how busy it is."""

    name: str
    beat_age_s: float | None  # None: its heartbeat is gone; others take over what it held
    held: int
    loads: tuple[ExecutorLoad, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker:
    """A worker on another machine: how long ago it beat, what it can run, how many it runs."""

    name: str
    beat_age_s: float
    running: int
    slots: int
    carrier: str
    executor: str
    labels: tuple[str, ...]
    tasks: tuple[str, ...]
    differing: tuple[str, ...]  # of these: those it would be sent, with another signature here


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestJob:
    """The job that waits longest in the queues of an executor."""

    id: str
    task: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All at one moment. ``oldest``: by executor; of one whose oldest is not among the thousand
    oldest unfinished jobs there is none."""

    instances: list[LiveInstance]
    workers: list[LiveWorker]
    oldest: dict[str, OldestJob]
    unfinished: UnfinishedIds
    pauses: WorkPauses


def read_overview(
    store: RedisGateway,
    pauses: PauseStore,
    *,
    heartbeat_s: int,
    signatures: Mapping[str, Mapping[str, str]],
) -> Overview:
    """Return what runs where. ``heartbeat_s``: how long a heartbeat lasts; ``signatures``: of the
    tasks here, by the executor that runs them. Raises JobStoreUnavailable."""
    unfinished = read_unfinished(store)
    now, names, beats = store.read(lambda client: _members(client, _MOST_SHOWN))
    oldest = unfinished.ids[: -_OLDEST_LOOKED_AT - 1 : -1]
    return Overview(
        instances=store.read(lambda client: _instances(client, names, heartbeat_s)),
        workers=store.read(lambda client: _workers(client, beats, now, signatures)),
        oldest=store.read(lambda client: _oldest(client, oldest)),
        unfinished=unfinished,
        pauses=pauses.all(),
    )


def read_workers(store: RedisGateway, *, most: int) -> list[LiveWorker]:
    """Return so many workers on other machines, those that have been silent longest first.
    Raises JobStoreUnavailable."""
    now, _, beats = store.read(lambda client: _members(client, most))
    return store.read(lambda client: _workers(client, beats, now, {}))


def _members(client: RedisClient, most: int) -> tuple[float, list[str], list[tuple[str, float]]]:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.smembers(keyspace.INSTANCES)
        pipeline.zrange(keyspace.WORKERS, 0, most - 1, withscores=True)
        (seconds, _), names, beats = pipeline.execute()
    return float(seconds), sorted(names)[:most], beats


def _instances(client: RedisClient, names: Sequence[str], heartbeat_s: int) -> list[LiveInstance]:
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.get(keyspace.heartbeat(name))
            pipeline.pttl(keyspace.heartbeat(name))
            pipeline.scard(keyspace.held(name))
        rows = pipeline.execute()
    return [
        LiveInstance(
            name=name,
            beat_age_s=None if text is None else max(0.0, heartbeat_s - left / 1000),
            held=held,
            loads=tuple(read_beat(text or "", held=held).loads.values()),
        )
        for name, (text, left, held) in zip(names, _by_three(rows), strict=True)
    ]


def _by_three(rows: Sequence[Any]) -> Iterable[tuple[Any, Any, Any]]:
    return zip(rows[::3], rows[1::3], rows[2::3], strict=True)


def _workers(
    client: RedisClient,
    beats: Sequence[tuple[str, float]],
    now: float,
    signatures: Mapping[str, Mapping[str, str]],
) -> list[LiveWorker]:
    found = [(WorkerName.parse(text), at) for text, at in beats]
    seen = [(name, at) for name, at in found if name is not None]
    names = [name for name, _ in seen]
    ids = sorted({name.kind for name in names})
    with client.pipeline(transaction=False) as pipeline:
        for kind in ids:
            pipeline.get(keyspace.kind(kind))
        for name in names:
            pipeline.scard(keyspace.held(name.text))
        rows = pipeline.execute()
    kinds = {kind: WorkerKind.read(text) for kind, text in zip(ids, rows, strict=False) if text}
    unknown = WorkerKind("", frozenset())
    return [
        _worker(
            name,
            kinds.get(name.kind) or unknown,
            signatures,
            beat_age_s=max(0.0, now - at),
            running=held,
        )
        for (name, at), held in zip(seen, rows[len(ids) :], strict=True)
    ]


def _worker(
    name: WorkerName,
    kind: WorkerKind,
    signatures: Mapping[str, Mapping[str, str]],
    *,
    beat_age_s: float,
    running: int,
) -> LiveWorker:
    return LiveWorker(
        name=name.text,
        beat_age_s=beat_age_s,
        running=running,
        slots=name.slots,
        carrier=kind.carrier,
        executor=kind.executor,
        labels=tuple(sorted(kind.labels)),
        tasks=tuple(sorted(kind.tasks)),
        differing=tuple(kind.differing(signatures.get(kind.executor, {}))),
    )


def _oldest(client: RedisClient, ids: Sequence[str]) -> dict[str, OldestJob]:
    """Return the first of these that waits, the oldest first, for each executor. One that waits
    for its time is in no queue."""
    fields = ("status", "executor", "task", "submitted_at", "start_at")
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(keyspace.record(job_id), fields)
        rows = cast("list[list[str | None]]", pipeline.execute())
    found: dict[str, OldestJob] = {}
    now = JOBS_CLOCK.moment()
    for job_id, (status, executor, task, at, start_at) in zip(ids, rows, strict=True):
        if status != JobStatus.QUEUED or executor in found or not (executor and task and at):
            continue
        if start_at is None or datetime.fromisoformat(start_at) <= now:
            moment = datetime.fromisoformat(at)
            found[executor] = OldestJob(id=job_id, task=task, submitted_at=moment)
    return found
