"""Workers on machines of their own, as far as a test can tell: processes with nothing but what a
worker needs."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace
from shared.redis import RedisClient
from shared.settings import ROOT
from tests.integration.engine.engine_bench import TASKS
from tests.waiting import wait_until

SECRET = "s" * 40
_MODULE = "flask_api.jobs.workers.remote"
# What an engine needs to send attempts to such workers.
REMOTE = {"worker_secrets": (SecretStr(SECRET),), "job_heartbeat_s": 2}


class WorkerProcess:
    """A worker's process, which a test may kill. ``clock_s``: how far its clock is off;
    ``settings``: variables to change, None for one that is left out."""

    def __init__(
        self,
        valkey: EmbeddedValkey,
        folder: Path,
        *arguments: str,
        tasks: tuple[str, ...] = TASKS,
        settings: Mapping[str, str | None] | None = None,
        log: str = "worker.log",
        clock_s: int = 0,
    ) -> None:
        self.log = folder / log
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")
        }
        given: dict[str, str | None] = {
            "GATEHOUSE_JOBS_REDIS_URL": valkey.url("worker"),
            "GATEHOUSE_WORKER_SECRETS": SECRET,
            "GATEHOUSE_TASK_MODULES": ",".join(tasks),
            "GATEHOUSE_JOB_HEARTBEAT_S": "2",
            "GATEHOUSE_REDIS_TIMEOUT_MS": "250",
            "GATEHOUSE_JOB_FILES_URL": f"file://{folder / 'files'}",
            "GATEHOUSE_VAR_DIR": str(folder),
            **(settings or {}),
        }
        environment |= {name: value for name, value in given.items() if value is not None}
        module = "tests.fleet.shifted_worker" if clock_s else _MODULE
        environment["WRONG_CLOCK_S"] = str(clock_s)
        command = [sys.executable, "-m", module, *arguments]
        with self.log.open("a") as file:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_for_line(self, words: str, *, timeout_s: float = 30) -> None:
        """Wait until the log says so."""
        wait_until(
            lambda: words in self.log.read_text(),
            timeout_s=timeout_s,
            what=f"the worker says {words!r}",
        )

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Stop it gracefully; return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait()

    def wait(self, timeout_s: float = 30) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """Kill it as the kernel does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)


def wait_for_workers(admin: RedisClient, count: int) -> list[str]:
    """Wait until so many workers are registered; return their names."""
    wait_until(
        lambda: admin.zcard(keyspace.WORKERS) == count,
        timeout_s=60,
        what=f"{count} workers are registered",
    )
    return [str(name) for name in admin.zrange(keyspace.WORKERS, 0, -1)]
