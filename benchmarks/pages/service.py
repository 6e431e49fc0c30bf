"""The service whose pages benchmarks.pages looks at: one real server process with default settings,
and its people."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import redis

from benchmarks.measuring.answers import AnsweringChild
from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.context import Context

_START_TIMEOUT_S, _STOP_TIMEOUT_S, _RUN_TIMEOUT_S = 60.0, 30.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageService:
    """The server's port, its Redis as one that may ask for everything, and the people's cookies."""

    port: int
    store: "redis.Redis"
    people: list[dict[str, str]]

    def ask(self, path: str, person: int, **more: Any) -> httpx.Response:
        """Return the answer to a request of a person; of another kind than GET with ``method``."""
        headers = {"Cookie": self.people[person]["cookie"], "Sec-Fetch-Site": "same-origin"}
        method = more.pop("method", "GET")
        return httpx.request(
            method,
            f"http://localhost:{self.port}{path}",
            headers={**headers, **more.pop("headers", {})},
            trust_env=False,
            timeout=60,
            **more,
        )

    def submit_many(self, person: int, count: int) -> None:
        """Have a person submit so many jobs singly, and wait until they have ended."""
        with AnsweringChild("benchmarks.pages.seed") as child:
            cookie = self.people[person]["cookie"]
            child.ask(port=self.port, cookie=cookie, count=count, connections=16)
        deadline = time.monotonic() + _RUN_TIMEOUT_S
        while self.ask("/api/me/usage", person).json()["unfinished_jobs"]["used"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the jobs don't end")
            time.sleep(0.2)

    def commands(self) -> int:
        """Return how many commands Redis has run."""
        info: Any = self.store.info("commandstats")
        return sum(int(each["calls"]) for each in info.values())

    def memory_mb(self) -> float:
        """Return how much memory Redis' data has."""
        info: Any = self.store.info("memory")
        return int(info["used_memory"]) / 1e6


@contextmanager
def page_service(context: Context, *, people: int, hosts: list[str]) -> Iterator[PageService]:
    """Serve, to so many people, under these names beside localhost."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    environment = context.environment(
        port=str(port),
        task_modules="benchmarks.measuring.job_tasks",
        allowed_hosts=",".join(["localhost", "127.0.0.1", *hosts]),
    )
    command = [sys.executable, "-m", "benchmarks.children.stream_people", str(people)]
    made = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    process = subprocess.Popen(
        [sys.executable, "wsgi.py"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_live(process, port)
        with redis.Redis.from_url(context.peer_redis_url) as store:
            yield PageService(port=port, store=store, people=json.loads(made.stdout))
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)


def _wait_until_live(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            address = f"http://127.0.0.1:{port}/api/health/live"
            if httpx.get(address, trust_env=False, timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.1)
