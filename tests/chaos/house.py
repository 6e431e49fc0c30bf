"""Several real servers on one Valkey and one var folder,
of which any part may be killed and started again.

with House(folder, kind="cherrypy", servers=2) as house:
    house.servers[0].kill()
    house.servers[0].start()
    house.kill_valkey()
    house.start_valkey()
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import RedisClient, build_client
from shared.settings import ROOT
from tests.chaos.processes import children_of, pool_children_of, send, tree_of
from tests.chaos.tasks import EFFECTS
from tests.e2e.prepared import clean_environment, prepared_database
from tests.e2e.service import COMMANDS, PATIENT, Browser
from tests.integration.engine.worker_process import SECRET, WorkerProcess
from tests.plain_http import NO_TLS
from tests.ports import free_port
from tests.started import Started
from tests.waiting import wait_until

READY_S = 30.0
STOP_S = 30.0


class Server:
    """One server of the house: CherryPy's process, or gunicorn's master with its workers."""

    def __init__(self, kind: str, environment: dict[str, str], log_file: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = environment | {"GATEHOUSE_PORT": str(self.port)}
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ours = False  # ended by us, or asked to

    @property
    def pid(self) -> int:
        """The process id; gunicorn's: the master's."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    @property
    def engines(self) -> list[int]:
        """The processes that hold jobs: the server itself, or gunicorn's workers."""
        return [self.pid] if self.kind == "cherrypy" else children_of(self.pid)

    @property
    def pool_children(self) -> list[int]:
        """The processes that jobs on processes run in."""
        return [child for engine in self.engines for child in pool_children_of(engine)]

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start it; does not wait until it answers."""
        self._is_ours = False
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                COMMANDS[self.kind],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_live(self) -> bool:
        """Tell whether it answers requests."""
        try:
            return (
                httpx.get(
                    f"{self.address}/api/health/live", timeout=1, trust_env=False, verify=NO_TLS
                ).status_code
                == 200
            )
        except httpx.TransportError:
            return False

    def wait_until_live(self) -> None:
        """Return when it answers."""
        wait_until(
            lambda: self.is_live() or self._has_ended(),
            timeout_s=READY_S,
            what="the server answers",
        )

    def kill(self) -> list[int]:
        """Kill -9 the server, with gunicorn's workers, never the pool's children;
        return all pids that end by it."""
        self._is_ours = True
        lost = tree_of(self.pid)
        for pid in {self.pid, *self.engines}:
            send(pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(timeout=STOP_S)
        return lost

    def terminate(self) -> None:
        """Ask it to stop, as a service manager does."""
        self._is_ours = True
        send(self.pid, signal.SIGTERM)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Return the exit code once it has ended."""
        assert self._process is not None
        return self._process.wait(timeout=timeout_s)

    def end(self) -> None:
        """End it, whatever state it is in, and all of its session."""
        if self._process is None:
            return
        for pid in tree_of(self.pid):
            send(pid, signal.SIGCONT)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(timeout=STOP_S)

    def expect_end(self) -> None:
        """A job is about to end it: that is no failure."""
        self._is_ours = True

    def check(self) -> None:
        """Fail with its log when it ended by itself."""
        assert self._is_ours or self.exit_code is None, (
            f"the server ended with {self.exit_code}:\n{self.log[-4000:]}"
        )

    def _has_ended(self) -> bool:
        self.check()
        return False


class House(Started):
    """One Valkey, some servers, one person who is logged in.
    ``settings`` are GATEHOUSE_ variables in lower case.

    ``jobs_apart``: jobs are in a Valkey of their own,
    so that it can be frozen while the gate still lets requests in. ``executors``: what carries
    attempts to workers, of which there are so many for each carrier, with eight slots each.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kind: str = "cherrypy",
        servers: int = 2,
        jobs_apart: bool = False,
        executors: Mapping[str, str] | None = None,
        workers: int = 1,
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.effects = folder / EFFECTS
        self.valkey = EmbeddedValkey(folder / "valkey", passwords=new_passwords())
        self.jobs = (
            EmbeddedValkey(folder / "jobs", passwords=new_passwords())
            if jobs_apart
            else self.valkey
        )
        self._password, database = prepared_database()
        shutil.copy(database, folder / database.name)
        named = {
            f"GATEHOUSE_{name.upper()}": value for name, value in settings.items() if name.islower()
        }
        self.environment = {
            **clean_environment(folder),
            "GATEHOUSE_SITE_REDIS_URL": self.valkey.url("django"),
            "GATEHOUSE_API_REDIS_URL": self.valkey.url("api"),
            "GATEHOUSE_JOBS_REDIS_URL": self.jobs.url("api"),
            "GATEHOUSE_TASK_MODULES": "tests.chaos.tasks",
            **named,
            **{name: value for name, value in settings.items() if not name.islower()},
        }
        executors = executors or {}
        if executors:
            self.environment |= {
                "GATEHOUSE_EXECUTORS": json.dumps(executors),
                "GATEHOUSE_WORKER_SECRETS": SECRET,
            }
        self.carriers = sorted(set(executors.values())) * workers
        self._of_workers = named
        self.workers: list[WorkerProcess] = []
        self.servers = [
            Server(kind, self.environment, folder / f"server-{number}.log")
            for number in range(servers)
        ]
        self.cookie = ""

    def client(self, *, timeout_s: float = 10.0) -> httpx.Client:
        """Return an HTTP client that acts as the person; close it."""
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"sessionid={self.cookie}"}
        return httpx.Client(headers=headers, timeout=timeout_s, trust_env=False, verify=NO_TLS)

    def admin(self) -> RedisClient:
        """Return a client of the jobs' Valkey that may do everything; close it."""
        return build_client(self.jobs.url("admin"), timeout_s=5, max_connections=4)

    def kill_valkey(self) -> None:
        """Kill -9 the jobs' Valkey server."""
        self.signal_valkey(signal.SIGKILL)
        wait_until(lambda: not self.jobs.is_running(), timeout_s=STOP_S, what="Valkey is gone")

    def signal_valkey(self, number: signal.Signals) -> None:
        """Freeze the jobs' Valkey, or let it go on."""
        assert self.jobs.pid is not None
        send(self.jobs.pid, number)

    def start_valkey(self) -> None:
        """Start the jobs' Valkey from its append-only file; return when it answers."""
        self.jobs.start()

    def start_worker(self, carrier: str) -> WorkerProcess:
        """Start a worker; does not wait until it is registered."""
        return WorkerProcess(
            self.jobs,
            self.folder,
            *("--slots", "8", "--carrier", carrier),
            tasks=("tests.chaos.tasks",),
            settings={"GATEHOUSE_JOB_HEARTBEAT_S": "10", **self._of_workers},
            log="workers.log",
        )

    def start(self) -> None:
        """Start all; return when the servers answer and the person is logged in."""
        for valkey in {self.valkey, self.jobs}:
            valkey.start()
        self.workers = [self.start_worker(carrier) for carrier in self.carriers]
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait_until_live()
        self._log_in()

    def close(self) -> None:
        """End everything by force."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda server: server.end(), self.servers))
            list(threads.map(lambda worker: worker.kill(), self.workers))
        for valkey in {self.valkey, self.jobs}:
            if valkey.pid is not None:
                send(valkey.pid, signal.SIGCONT)
            valkey.stop()

    def _log_in(self) -> None:
        browser = Browser(self.servers[0].address, password=self._password)
        try:
            browser.log_in(tries=PATIENT)
            self.cookie = browser.cookie
        finally:
            browser.http.close()


def now() -> float:
    """Return the wall time, as tasks note it."""
    return time.time()
