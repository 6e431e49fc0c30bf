"""A store and a writer on a real Valkey, with two instances:
what tests of the engine's entries begin with."""

from datetime import UTC, datetime
from typing import Any

from flask_api.jobs.records.acceptance import Acceptance, Acceptances
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import (
    Attempt,
    Job,
    JobStatus,
    Owner,
    encode_field,
    from_fields,
    queued_job_of,
    to_fields,
)
from flask_api.jobs.records.job_reader import JobReader, open_job_connections
from flask_api.jobs.records.job_writer import Ending, JobWriter
from shared.job_ids import new_job_id
from tests.integration.engine.engine_bench import EngineBench

LIMIT = 1000
TTL_S = 100


class Place:
    """A store and a writer, and two instances that are registered."""

    def __init__(self, bench: EngineBench) -> None:
        self.bench = bench
        self.connections = open_job_connections(bench.settings())
        self.store = JobReader(self.connections)
        self.writer = JobWriter(self.connections)
        self.acceptances = Acceptances(self.connections)
        self.holdings = Holdings(self.connections)
        for instance in ("a", "b"):
            self.holdings.beat(instance, ttl_s=60, register=True)

    def add(self, job: Job, *, instance: str = "a") -> Acceptance:
        """Accept a job."""
        return self.acceptances.accept(job, instance=instance, limit=LIMIT).acceptance

    def start(self, job: Job, *, instance: str = "a") -> int:
        """Begin a job; return its attempt, 0 when it may not begin."""
        (attempt,) = self.writer.turn(instance, beginnings=[queued_job_of(job)])
        return attempt

    def end(
        self, job: Job, status: JobStatus, *, instance: str = "a", attempt: int = 1, **changes: Any
    ) -> int:
        """End an attempt; return 1, or 0 when nothing was changed."""
        stored = {name: encode_field(name, value) for name, value in changes.items()}
        ending = Ending(attempt_at(job, attempt, instance), status, stored, due_at=0.0)
        (kept,) = self.writer.turn(instance, endings=[ending], ttl_s=TTL_S)
        return kept


def attempt_at(job: Job, number: int = 1, instance: str = "a") -> Attempt:
    """Return an attempt at a job."""
    return Attempt(queued_job_of(job), number, instance)


def new_job(owner: Owner, **fields: Any) -> Job:
    """Return a job as it is when it is stored: times have milliseconds."""
    values: dict[str, Any] = {
        "id": new_job_id(),
        "task": "example.task",
        "arguments": '{"n":[1,"é"]}',
        "executor": "threads",
        "owner": owner,
        "submitted_at": datetime.now(UTC),
    }
    job = Job(**{**values, **fields})
    return from_fields(job.id, to_fields(job))
