"""What a person keeps is counted exactly: whatever is written, removed or interrupted,
in whatever order."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.batches import Batches, new_batch
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import Acceptance, Acceptances, IdempotencyKey
from flask_api.jobs.records.job import Job, JobStatus, Owner, queued_job_of
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.usage import Quota
from flask_api.jobs.removal import Removal
from shared.errors import JobStoreUnavailable
from shared.job_ids import new_job_id
from tests.contract.job_place import LIMIT, Place, attempt_at, new_job
from tests.contract.mortal import Dies, Mortal
from tests.contract.recount import check_counters
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

_SCHEDULES = int(os.environ.get("NIGHTLY_COUNT", "4"))
_STEPS = 60
_LONG_AGO = 1.0


class _Schedule:
    """One person's jobs under random operations, each of which may be the last of a process."""

    def __init__(self, place: Place, owner: Owner, seed: int) -> None:
        self.random = random.Random(seed)  # a schedule that can be repeated
        self.place = place
        self.owner = owner
        self.store = Mortal(place.connections.client)
        quota = Quota(bytes=60_000, ended=30, file_bytes=5_000)
        self.writer = JobWriter(self.store, quota)
        self.acceptances = Acceptances(self.store, quota)
        self.removal = Removal(self.store, FileStore(place.bench.settings()))
        self.batches = Batches(self.store, self.acceptances, self.removal)
        self.jobs: list[Job] = []
        self.batch_ids: list[str] = []

    def step(self) -> str:
        """Do one thing; return what it was."""
        does = self.random.choice(
            (self._submit, self._submit, self._batch, self._begin, self._begin, self._report, self._report, self._end,
             self._end, self._cancel, self._retry, self._delete, self._delete_batch, self._expire, self._sweep)
        )  # fmt: skip
        self.store.writes_left = (
            self.random.choice((0.5, 1, 1.5, 2, 3)) if self.random.random() < 0.3 else float("inf")
        )
        with suppress(Dies):
            does()
        self.store.writes_left = float("inf")
        return does.__name__

    def finish(self) -> None:
        """End and remove everything."""
        for job in self.jobs:
            self._begin(job)
            self._end(job)
            self.writer.cancel(job, instance="a", ttl_s=1)
            if not job.batch:
                self.removal.delete(job.id)
        for batch_id in self.batch_ids:
            self.removal.delete_batch(batch_id)
        # A batch may have expired, or be gone, before a job of it: that goes by its own time.
        left: Any = self.place.bench.admin.zrange(keyspace.EXPIRING, 0, -1)
        for each in left:
            self.place.bench.admin.zadd(keyspace.EXPIRING, {each: _LONG_AGO})
        self._sweep()

    def _text(self) -> str:
        return '"' + "é" * self.random.choice((1, 10, 700, 3_000)) + '"'

    def _any(self) -> Job:
        return self.random.choice(self.jobs) if self.jobs else new_job(self.owner)

    def _submit(self) -> None:
        job = new_job(self.owner, arguments=f'{{"a":{self._text()}}}')
        self.jobs.append(job)
        key = (
            IdempotencyKey(key=self.random.choice("abc"), body_digest="0" * 64)
            if self.random.random() < 0.3
            else None
        )
        self.acceptances.accept(job, instance="a", limit=LIMIT, idempotency=key)

    def _batch(self) -> None:
        batch = new_batch(
            new_job_id(), task="example.task", owner=self.owner, total=self.random.randint(1, 4)
        )
        members = [(new_job_id(), f'{{"a":{self._text()}}}') for _ in range(batch.total)]
        self.jobs += [new_job(self.owner, id=job_id, batch=batch.id) for job_id, _ in members]
        self.batch_ids.append(batch.id)
        key = (
            IdempotencyKey(key="d", body_digest=self.random.choice("01") * 64)
            if self.random.random() < 0.5
            else None
        )
        pattern = new_job(self.owner, batch=batch.id)
        self.batches.accept(batch, pattern, members, instance="a", limit=LIMIT, idempotency=key)

    def _begin(self, job: Job | None = None) -> None:
        self.writer.turn("a", beginnings=[queued_job_of(job or self._any())])

    def _report(self) -> None:
        job = self._any()
        lines = [self._text() for _ in range(self.random.randint(0, 3))]
        name = self.random.choice(("state", "progress", "files"))
        kept = self.random.choice((None, 0, 100, 3_000))
        attempt = attempt_at(job, self.random.choice((1, 2)))
        fields = {name: self._text()}
        self.writer.note(attempt, fields, event="{}", lines=lines, file_bytes=kept)

    def _end(self, job: Job | None = None) -> None:
        job = job or self._any()
        status = self.random.choice(
            (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.QUEUED, JobStatus.CANCELLED)
        )
        for attempt in (1, 2, 3):
            if status is JobStatus.SUCCEEDED:
                self.place_end(job, status, attempt, result=self._text())
            else:
                error = {"type": "E", "message": "m", "traceback": self._text()}
                more = {"error": error} if status is JobStatus.FAILED else {}
                self.place_end(job, status, attempt, attempts=[self._text()], **more)

    def place_end(self, job: Job, status: JobStatus, attempt: int, **changes: Any) -> None:
        """End an attempt, on a connection that may die."""
        writer, self.place.writer = self.place.writer, self.writer
        try:
            self.place.end(job, status, attempt=attempt, **changes)
        finally:
            self.place.writer = writer

    def _cancel(self) -> None:
        self.writer.cancel(self._any(), instance="a", ttl_s=100)

    def _retry(self) -> None:
        job = self._any()
        if not job.batch:
            self.acceptances.retry(job, instance="a", attempts=2, limit=LIMIT)

    def _delete(self) -> None:
        job = self._any()
        if not job.batch:
            self.removal.delete(job.id)

    def _delete_batch(self) -> None:
        if self.batch_ids:
            self.removal.delete_batch(self.random.choice(self.batch_ids))

    def _expire(self) -> None:
        due: Any = self.place.bench.admin.zrange(keyspace.EXPIRING, 0, -1)
        for each in self.random.sample(due, min(len(due), 2)):
            self.place.bench.admin.zadd(keyspace.EXPIRING, {each: _LONG_AGO})
        self._sweep()

    def _sweep(self) -> None:
        staged: Any = self.place.bench.admin.zrange(keyspace.STAGED, 0, -1)
        for batch in staged:
            self.removal.finish_batch(batch)
        due: Any = self.place.bench.admin.zrangebyscore(keyspace.EXPIRING, "-inf", time.time())
        self.removal.expire(due)


@pytest.mark.parametrize("number", range(_SCHEDULES))
def test_counters_equal_what_is_there_after_any_schedule(
    number: int, place: Place, owner: Owner
) -> None:
    """Submits, batches, reports, ends, retries, deletions, expiries,
    and processes that die at any write: never a byte off."""
    seed = random.SystemRandom().getrandbits(32) if number else 7
    schedule = _Schedule(place, owner, seed)
    done = []
    for _ in range(_STEPS):
        done.append(schedule.step())
        kept = check_counters(
            place.connections, place.bench.admin, owner.id, f"seed {seed}: {done}"
        )
        assert kept.bytes <= 60_000 + 200_000, f"seed {seed}"
    schedule.finish()
    kept = check_counters(
        place.connections, place.bench.admin, owner.id, f"seed {seed}: at the end"
    )
    assert (kept.bytes, kept.ended, kept.file_bytes) == (0, 0, 0), f"seed {seed}"
    assert int(str(place.bench.admin.ttl(keyspace.kept(owner.id)))) > 0, (
        "who keeps nothing has no counters for ever"
    )


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server that a test may kill."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        yield server


def test_counters_equal_what_is_there_after_the_server_was_killed(
    own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """Redis killed in the middle of writes and started again:
    what of them is there is counted, and nothing else."""
    bench = EngineBench(own_valkey, tmp_path)
    place, owner = Place(bench), Owner(id="7", username="ada")
    is_dead = threading.Event()
    ended: list[str] = []

    def work() -> None:
        while not is_dead.is_set():
            job = new_job(owner, arguments='{"a":"' + "x" * 100 + '"}')
            with suppress(JobStoreUnavailable):
                place.add(job)
                place.start(job)
                place.writer.report(attempt_at(job), lines=["z" * 50], file_bytes=10)
                place.end(job, JobStatus.SUCCEEDED, result="y" * 50)
                ended.append(job.id)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
        wait_until(lambda: len(ended) > 50, timeout_s=10, what="it is in the middle of things")
        assert own_valkey.pid
        os.kill(own_valkey.pid, signal.SIGKILL)
        is_dead.set()
    wait_until(lambda: not own_valkey.is_running(), timeout_s=5, what="it is dead")
    own_valkey.start()
    store = open_job_connections(bench.settings())
    kept = check_counters(store, bench.admin, owner.id)
    assert kept.ended >= 50
    for connections in (store, place.connections):
        connections.close()
    bench.close()


def test_batch_that_does_not_fit_leaves_nothing(place: Place, owner: Owner) -> None:
    """Neither records nor bytes, when the second part of it is what does not fit;
    the same key may be used again."""
    acceptances = Acceptances(place.connections, Quota(bytes=300_000, ended=10, file_bytes=0))
    batches = Batches(
        place.connections,
        acceptances,
        Removal(place.connections, FileStore(place.bench.settings())),
    )
    key = IdempotencyKey(key="k", body_digest="1" * 64)

    def submit(total: int) -> Acceptance:
        batch = new_batch(new_job_id(), task="example.task", owner=owner, total=total)
        members = [(new_job_id(), "{}") for _ in range(total)]
        pattern = new_job(owner, batch=batch.id)
        return batches.accept(
            batch, pattern, members, instance="a", limit=LIMIT, idempotency=key
        ).acceptance

    assert submit(400) is Acceptance.BYTES
    assert not place.bench.admin.exists(keyspace.STAGED)
    assert list(place.bench.admin.scan_iter(keyspace.record("*"))) == []
    assert check_counters(place.connections, place.bench.admin, owner.id).bytes == 0
    assert submit(100) is Acceptance.ACCEPTED
    assert submit(100) is Acceptance.KNOWN
    kept = check_counters(place.connections, place.bench.admin, owner.id)
    assert (kept.bytes, kept.unfinished) == (101 * 1000 + 200, 100)
