"""Many threads submit, cancel and retry at once, what is taken and what is refused:
afterwards every slot and place is free."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import JobStatus, Owner
from flask_api.jobs.workers.slots import SlotExecutor
from shared.errors import GatehouseError
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.waiting import wait_until

SUBMITTERS = 8
LASTS_S = 3.0
TASKS: list[tuple[str, dict[str, Any]]] = [
    *([("sample.echo", {"value": 1})] * 6),
    *([("sample.hang", {})] * 3),
    ("sample.steps", {"count": 3, "step_s": 0.01}),
    ("sample.flaky", {"failures": 1}),
    ("sample.fail", {"message": "no"}),
    ("sample.slow", {"path": "/nowhere/to/be/found"}),
    ("child.echo", {"value": 1}),
    ("sample.echo", {"no_such": 1}),
    ("sample.nothing", {}),
]


def test_crowd_leaves_every_slot_free_and_every_job_with_an_outcome(bench: EngineBench) -> None:
    """Begun at once or queued, delayed, refused, known, cancelled, retried, failed:
    nothing is counted that is not there."""
    engine = bench.start(
        job_threads=6,
        job_running_limit=4,
        job_queue_limit=120,
        job_person_limit=60,
        redis_connections=32,
    )
    seed = random.randrange(2**32)
    people = [new_owner() for _ in range(4)]
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        seen = sum(
            pool.map(
                lambda number: _submit_and_cancel(engine, people, seed + number), range(SUBMITTERS)
            ),
            Counter[str](),
        )
    wait_until(
        lambda: _is_idle(engine) and not bench.leftovers(),
        timeout_s=15,
        what=f"all is idle, seed {seed}, {seen}",
    )
    records = [
        bench.admin.hgetall(key) for key in bench.admin.scan_iter(keyspace.record("*"), count=1000)
    ]
    assert len(records) == seen["accepted"], (seed, seen)
    assert all(JobStatus(str(record["status"])).is_outcome for record in records), seed
    assert bench.admin.zcard(keyspace.EXPIRING) == len(records), seed
    assert {
        "accepted",
        "running",
        "IdempotencyConflict",
        "InvalidArguments",
        "UnknownTask",
    } <= seen.keys(), (seed, seen)


def _submit_and_cancel(engine: JobEngine, people: list[Owner], seed: int) -> Counter[str]:
    chance, seen, pause = random.Random(seed), Counter[str](), threading.Event()
    ends_at = time.monotonic() + LASTS_S
    while time.monotonic() < ends_at:
        pause.wait(chance.choice((0, 0.002, 0.02)))
        try:
            _one(engine, chance.choice(people), chance, seen)
        except GatehouseError as error:
            seen[type(error).__name__] += 1
    return seen


def _one(engine: JobEngine, person: Owner, chance: random.Random, seen: Counter[str]) -> None:
    name, arguments = chance.choice(TASKS)
    options: dict[str, Any] = {"priority": chance.choice((-1, 0, 0, 1))}
    # one that is known again is of the same task
    if name == "sample.echo" and chance.random() < 0.3:
        options["idempotency"] = IdempotencyKey(
            key=str(chance.randrange(20)), body_digest=chance.choice("aab") * 64
        )
    if chance.random() < 0.1:
        options["start_at"] = datetime.now(UTC) + timedelta(seconds=chance.random())
    submitted = engine.submit(name, arguments, owner=person, **options)
    if submitted.job is not None:
        seen["accepted"] += 1
        seen[submitted.job.status] += 1
    if name == "sample.hang" or chance.random() < 0.1:
        engine.cancel(engine.get(submitted.id, viewer=person))
    elif chance.random() < 0.05:
        engine.retry(engine.get(submitted.id, viewer=person))


def _is_idle(engine: JobEngine) -> bool:
    worker = engine._worker
    slots = [each for each in worker._executors.values() if isinstance(each, SlotExecutor)]
    queues = [
        (each._active, each.queue.running, each.queue._reserved, len(each.queue)) for each in slots
    ]
    counted = [each.queue._running_of_person or each.queue._running_of_task for each in slots]
    return not (
        worker.held
        or worker.held._stop_reasons
        or worker.held._returned
        or any(map(any, queues))
        or any(counted)
    )
