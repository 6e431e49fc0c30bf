"""A job that runs, and attempts at it that a test makes: with the storage and Redis of an engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask_api.jobs.errors import StopReason
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, Job, JobStatus, queued_job_of
from flask_api.jobs.records.job_reader import JobReader, open_job_connections
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.states import SavedStates
from flask_api.jobs.workers.reporter import AttemptReporter
from tests.folders import files_below
from tests.integration.engine.engine_bench import EngineBench


class HookedFiles(FileStore):
    """A storage on which something happens once: before a file is stored, or when it is."""

    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None

    def save(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Store it, and let it happen."""
        before, self.before = self.before, None
        if before:
            before()
        saved = super().save(*args, **options)
        after, self.after = self.after, None
        if after:
            after()
        return saved


class Case:
    """A job that runs, and attempts at it that a test makes."""

    def __init__(self, bench: EngineBench) -> None:
        self.bench, self.engine = bench, bench.start()
        self.job_id = bench.submit(self.engine, "sample.hold", {"path": bench.path()})
        bench.wait_for(self.job_id, JobStatus.RUNNING)
        self.files = HookedFiles(bench.settings())
        self.store = open_job_connections(bench.settings())
        self.writer = JobWriter(self.store)
        self.holder = JobReader(self.store).find_instance(self.job_id)
        self.signals: list[StopReason] = []
        self.queued = queued_job_of(self.job)

    @property
    def job(self) -> Job:
        """The job as it is now."""
        return self.engine.get(self.job_id, viewer=self.bench.owner)

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.bench.folder / "files" / self.job_id

    def begin(self, number: int) -> AttemptReporter:
        """Begin this attempt; those before it have lost the job."""
        self.bench.admin.hset(keyspace.record(self.job_id), "attempt", str(number))
        return AttemptReporter(
            Attempt(self.queued, number, self.holder),
            self.writer,
            SavedStates(self.store),
            self.files,
            signal=self.signals.append,
        )

    def end(self) -> None:
        """Let the job end."""
        self.bench.admin.hset(keyspace.record(self.job_id), "attempt", "1")
        self.bench.go()
        self.bench.outcome(self.engine, self.job_id)

    def read(self, name: str = "a.txt") -> bytes:
        """Return a file as its owner gets it, and check its size."""
        with self.engine.open_file(self.job, name) as opened:
            found = opened.read()
        assert [file["size"] for file in self.job.files if file["name"] == name] == [len(found)]
        return found

    def stored(self) -> list[bytes]:
        """Return what the job's folder holds."""
        return sorted(path.read_bytes() for path in files_below(self.folder))

    def counted(self) -> int:
        """Return how many bytes its person is said to keep."""
        return self.engine.usage(self.bench.owner).file_bytes
