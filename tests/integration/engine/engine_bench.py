"""Job engines by the dozen: each is an instance of its own,
on a Valkey that belongs to these tests alone."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import JobNotFound
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Upload, Uploads
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job, JobStatus, Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from shared.redis import RedisClient, RedisGateway, build_client
from shared.settings import ROOT, ApiSettings, load_settings
from tests.waiting import wait_until

TASKS = tuple(
    f"tests.integration.engine.{kind}_tasks" for kind in ("sample", "process", "state", "input")
)
ABSENT = "00000000-0000-7000-8000-000000000000"
# Silence until a process is taken for dead (2 s), until its silence is believed (3 s),
# and as much again for a slow machine.
RESCUE_S = 12.0
# What was accepted and nobody knows of is taken up after two audits, 5 s apart, and then runs.
AUDITED_S = 15.0


def new_owner() -> Owner:
    """Return a person nobody else is."""
    return Owner(id=uuid.uuid4().hex, username="ada")


def give(engine: JobEngine, owner: Owner, text: str = "content", name: str = "a.txt") -> Upload:
    """Upload a text."""
    return engine.uploads.receive([text.encode()], owner=owner, name=name)


class EngineBench:
    """Starts engines and stops them all at the end."""

    def __init__(self, valkey: EmbeddedValkey, folder: Path) -> None:
        self.valkey = valkey
        self.folder = folder
        self.admin: RedisClient = build_client(
            valkey.url("admin"), timeout_s=1, max_connections=4, of_primary=False
        )
        self.owner = new_owner()
        self._running: list[tuple[JobEngine, RedisGateway]] = []
        self._children: list[EngineProcess] = []

    def settings(self, **changes: Any) -> ApiSettings:
        """Return settings with short times and few slots."""
        values = {
            "api_redis_url": SecretStr(self.valkey.url("api")),
            "task_modules": TASKS,
            "job_heartbeat_s": 2,
            "job_threads": 4,
            "job_processes": 2,
            # more than is accepted: a busy machine must not look like an outage
            "redis_timeout_ms": 1000,
            "job_files_url": f"file://{self.folder / 'files'}",
        }
        return load_settings(ApiSettings).model_copy(update={**values, **changes})

    def start(self, **changes: Any) -> JobEngine:
        """Start an engine."""
        engine = self.make(**changes)
        engine.start()
        return engine

    def make(self, **changes: Any) -> JobEngine:
        """Make an engine that is not started."""
        settings = self.settings(**changes)
        store = open_job_connections(settings)
        engine = JobEngine(store, load_tasks(settings.task_modules), settings)
        self._running.append((engine, store))
        return engine

    def start_process(self, **settings: str) -> "EngineProcess":
        """Start an engine in a process of its own, which a test may kill or stop."""
        child = EngineProcess(self.valkey.url("api"), folder=self.folder, settings=settings)
        self._children.append(child)
        return child

    def sweep(self, engine: JobEngine | None = None, *, files: FileStore | None = None) -> int:
        """Let it be this engine's turn to sweep, or else that of one which does nothing besides;
        return how many things it forgot."""
        self.admin.delete(keyspace.SWEEP_TURN)
        if engine is not None:
            return engine._membership._sweeper.sweep()
        store = open_job_connections(self.settings())
        try:
            files = files or FileStore(self.settings())
            return Sweeper(store, files, Uploads(store, files, self.settings())).sweep()
        finally:
            store.close()

    def sent_bytes(self) -> int:
        """Return how many bytes Redis has sent so far, to everybody."""
        return int(self.admin.info("stats")["total_net_output_bytes"])

    def stop(self, engine: JobEngine, *, deadline_s: float = 0.0) -> bool:
        """Stop one engine gracefully."""
        return engine.shutdown(deadline_s=deadline_s)

    def close(self) -> None:
        """Stop everything."""
        for child in self._children:
            child.kill()
        for engine, store in self._running:
            engine.shutdown(deadline_s=0)
            store.close()
        self.admin.connection_pool.disconnect()

    def path(self, name: str = "go") -> str:
        """Return the path of a file that holding tasks wait for."""
        return str(self.folder / name)

    def go(self, name: str = "go") -> None:
        """Let the tasks go that wait for this file."""
        Path(self.path(name)).touch()

    def runs(self, name: str = "go") -> list[str]:
        """Return a word for each time that a task began with this path."""
        return read_words(f"{self.path(name)}.runs")

    def submit(
        self,
        engine: JobEngine,
        task: str,
        arguments: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Submit a job of the bench's person; return its id."""
        return engine.submit(task, arguments or {}, **{"owner": self.owner, **options}).id

    def record(self, job_id: str) -> dict[str, str]:
        """Return the stored fields of a job."""
        return dict(self.admin.hgetall(keyspace.record(job_id)))  # type: ignore[arg-type]  # the client is not asynchronous

    def status(self, job_id: str) -> str:
        """Return a job's status."""
        return self.record(job_id).get("status", "")

    def wait_for(
        self, job_id: str, status: JobStatus | str, *, timeout_s: float = 5.0
    ) -> dict[str, str]:
        """Wait until the job is in this status; return its fields."""
        try:
            wait_until(
                lambda: self.status(job_id) == status,
                timeout_s=timeout_s,
                what=f"the job is {status}",
            )
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.record(job_id)}") from None
        return self.record(job_id)

    def outcome(
        self, engine: JobEngine, job_id: str, *, timeout_s: float = 30.0, owner: Owner | None = None
    ) -> Job:
        """Wait until the job has ended; return it as its owner sees it."""
        deadline = time.monotonic() + timeout_s
        while True:
            job = engine.get(job_id, viewer=owner or self.owner)
            if job.status.is_outcome:
                return job
            assert time.monotonic() < deadline, job
            engine.wait(job_id, timeout_s=0.2)

    def run(
        self,
        engine: JobEngine,
        task: str,
        arguments: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Job:
        """Submit a job and return it when it has ended."""
        return self.outcome(engine, self.submit(engine, task, arguments, **options))

    def check_nothing_is_left(self) -> None:
        """Check that no job is held, delayed or handed over once all have ended,
        and none counts against its person."""
        wait_until(
            lambda: not self.leftovers(),
            timeout_s=AUDITED_S,
            what=f"nothing is left: {self.leftovers()}",
        )

    def leftovers(self) -> list[str]:
        """Return the names of entries of unfinished jobs."""
        found = [
            str(name)
            for kind in ("held:*", "open:*")
            for name in self.admin.scan_iter(f"gatehouse:jobs:{kind}")
        ]
        return found + [
            name for name in (keyspace.DELAYED, keyspace.ORPHANS) if self.admin.exists(name)
        ]


class EngineProcess:
    """An engine in a process of its own: submits what it is told, until it is killed."""

    def __init__(self, url: str, *, folder: Path, settings: Mapping[str, str]) -> None:
        environment = {
            **os.environ,
            "GATEHOUSE_API_REDIS_URL": url,
            "GATEHOUSE_JOB_FILES_URL": f"file://{folder / 'files'}",
            **settings,
        }
        command = [sys.executable, "-m", "tests.integration.engine.engine_process"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdin
        assert self._process.stdout.readline() == "ready\n"

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def submit(
        self, task: str, arguments: Sequence[Mapping[str, Any]], *, owner: Owner
    ) -> list[str]:
        """Have it accept jobs; return their ids."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps({"task": task, "arguments": list(arguments), "owner": owner.id}) + "\n"
        )
        self._process.stdin.flush()
        ids: list[str] = json.loads(self._process.stdout.readline())
        return ids

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = 10.0) -> int:
        """Wait for its end; return the exit code."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """Kill it as the kernel does, and clean up."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout):
            if stream and not stream.closed:
                with suppress(BrokenPipeError):
                    stream.close()


def make_due(bench: EngineBench, file_id: str) -> None:
    """Let a file's time be over."""
    bench.admin.zadd(keyspace.EXPIRING_UPLOADS, {file_id: time.time() - 1})
    bench.admin.hset(keyspace.upload(file_id), "expires_at", "2020-01-01T00:00:00.000Z")


def read_words(path: str) -> list[str]:
    """Return the lines of a file, none when it is not there."""
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def exists(engine: JobEngine, job_id: str, owner: Owner) -> bool:
    """Tell whether the person has this job."""
    try:
        engine.get(job_id, viewer=owner)
    except JobNotFound:
        return False
    return True


def soon(seconds: float) -> datetime:
    """Return a time not far from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)
