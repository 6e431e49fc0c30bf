"""A crowd of requests that wait, under both servers with their default settings: none holds a thread,
none gets a wrong answer, and all is free afterwards."""

import contextlib
import os
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.servers.test_parking import Client
from tests.e2e.service import COMMANDS, PATIENT, Browser, ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until

CROWD = 80  # of the hundred that one person may have
EACH_S = 30  # the longest that the default settings allow


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service of one process."""
    with ServiceProcess(
        tmp_path_factory.mktemp(f"parked-{request.param}"),
        server=request.param,
        server_workers="1",
        task_modules=SAMPLE_TASKS,
    ) as service:
        yield service


@pytest.fixture
def browser(service: ServiceProcess) -> Browser:
    """A browser that the service's person is logged in with."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


class Crowd:
    """Long-polls of one person for one job."""

    def __init__(
        self, service: ServiceProcess, browser: Browser, stack: contextlib.ExitStack
    ) -> None:
        answer = browser.http.post(
            "/api/jobs",
            json={"task": "sample.echo", "delay_s": 3600},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        self.job = answer.json()["id"]
        self._service = service
        self._cookie = browser.cookie
        self._stack = stack
        self.clients = [self.ask() for _ in range(CROWD)]
        wait_until(lambda: waiting(service) == CROWD, timeout_s=20, what="all of them wait")

    def ask(self) -> Client:
        """Begin one more."""
        client = self._stack.enter_context(Client(self._service.port, "127.0.0.1"))
        client.socket.settimeout(EACH_S + 10)
        path = f"/api/jobs/{self.job}?wait={EACH_S}"
        cookie = f"Cookie: sessionid={self._cookie}"
        client.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {self._service.host}\r\n{cookie}\r\n\r\n".encode()
        )
        return client

    def statuses(self) -> list[str]:
        """Read all answers; return their statuses."""
        return [client.head()[""] for client in self.clients]


@pytest.fixture
def crowd(service: ServiceProcess, browser: Browser) -> Iterator[Crowd]:
    """A crowd; in the end nothing is left of it."""
    with contextlib.ExitStack() as stack:
        yield Crowd(service, browser, stack)
    wait_until(lambda: waiting(service) == 0, timeout_s=10, what="all places are free")


def waiting(service: ServiceProcess) -> int:
    """Return how many long-polls the process holds, by its metrics."""
    lines = metrics(service).splitlines()
    (line,) = (line for line in lines if line.startswith("gatehouse_long_polls{"))
    return int(float(line.rpartition(" ")[2]))


def counted_of(service: ServiceProcess, endpoint: str) -> float:
    """Return how many answers of an endpoint were counted."""
    lines = metrics(service).splitlines()
    mine = [line for line in lines if line.startswith("gatehouse_http_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in mine if f'endpoint="{endpoint}"' in line)


def metrics(service: ServiceProcess) -> str:
    """Return the metrics."""
    with Client(service.port, "127.0.0.1") as client:
        client.get("/api/metrics")
        return client.answer().decode()


def cancel(browser: Browser, job: str) -> None:
    """Have the job end."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert browser.http.post(f"/api/jobs/{job}/cancel", headers=headers).status_code == 200


def test_crowd_is_answered_when_its_job_ends(
    service: ServiceProcess, browser: Browser, crowd: Crowd
) -> None:
    """All of them at once; meanwhile others are answered; each is counted once."""
    began, before = time.monotonic(), counted_of(service, "jobs.show")
    assert browser.http.get("/api/me").status_code == 200
    cancel(browser, crowd.job)
    assert set(crowd.statuses()) == {"200"}
    assert time.monotonic() - began < EACH_S / 2
    assert counted_of(service, "jobs.show") - before == CROWD


def test_person_who_logs_out_takes_their_crowd_along(browser: Browser, crowd: Crowd) -> None:
    """Within two seconds, and a moment for a busy machine: 401, before the job ends."""
    began = time.monotonic()
    browser.log_out()
    assert set(crowd.statuses()) == {"401"}
    assert time.monotonic() - began < 6


def test_one_person_has_a_bounded_crowd(
    service: ServiceProcess, browser: Browser, crowd: Crowd
) -> None:
    """Beyond a hundred a long-poll is answered at once, and a stream is refused; others go on."""
    more = [crowd.ask() for _ in range(100 - CROWD)]
    wait_until(lambda: waiting(service) == 100, timeout_s=10, what="the hundred wait")
    began = time.monotonic()
    assert crowd.ask().head()[""] == "200"
    refused = browser.http.get("/api/events")
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
    assert time.monotonic() - began < EACH_S / 2
    cancel(browser, crowd.job)
    assert {client.head()[""] for client in (*crowd.clients, *more)} == {"200"}


def test_redis_that_is_away_ends_no_wait(
    service: ServiceProcess, browser: Browser, crowd: Crowd
) -> None:
    """Nobody is told anything while nobody knows; afterwards all of them learn of the end."""
    pid = service.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with Client(service.port, "127.0.0.1") as client:
            for _ in range(5):  # longer than it takes until the credentials are asked again
                client.get("/api/health/ready")
                assert client.head()[""] == "503"
                client.file.read1()
                threading.Event().wait(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    for client in crowd.clients:
        client.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        client.socket.settimeout(EACH_S + 10)
    wait_until(
        lambda: browser.http.get("/api/jobs").status_code == 200,
        timeout_s=10,
        what="Redis is back",
    )
    cancel(browser, crowd.job)
    assert set(crowd.statuses()) == {"200"}


def odd_requests(browser: Browser, job: str, host: str) -> dict[str, tuple[bytes, list[bytes]]]:
    """Return requests that wait as no client of ours sends them, each with another one behind it,
    and the statuses that they are answered with."""
    who = f"Host: {host}\r\nCookie: sessionid={browser.cookie}\r\nSec-Fetch-Site: same-origin\r\n"
    body = '{"task": "sample.echo", "delay_s": 0.2}'
    post = f"POST /api/jobs?wait=9 HTTP/1.1\r\n{who}Content-Type: application/json\r\n"
    length, chunk = f"Content-Length: {len(body)}\r\n", f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    look, last = (
        f"/api/jobs/{job}?wait=0.3",
        f"GET /api/me HTTP/1.1\r\n{who}Connection: close\r\n\r\n",
    )
    requests = {
        "a body in chunks": (f"{post}Transfer-Encoding: chunked\r\n\r\n{chunk}{last}", "202 200"),
        "a body that asks": (
            f"{post}Expect: 100-continue\r\n{length}\r\n{body}{last}",
            "100 202 200",
        ),
        "chunks behind it": (
            f"GET {look} HTTP/1.1\r\n{who}\r\n{post.replace('?wait=9', '')}"
            f"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}",
            "200 202",
        ),
        "an old client": (f"GET {look} HTTP/1.0\r\n{who}\r\n", "200"),
        "a head": (f"HEAD {look} HTTP/1.1\r\n{who}\r\n{last}", "200 200"),
        "garbage behind it": (
            f"GET {look} HTTP/1.1\r\n{who}\r\n\0\1{'x' * 99}\r\n\r\n",
            "200 400",
        ),
    }
    return {
        name: (text.encode(), statuses.encode().split())
        for name, (text, statuses) in requests.items()
    }


def test_odd_requests_that_wait_get_their_own_answers_and_leave_nothing(
    service: ServiceProcess, browser: Browser
) -> None:
    """One for each, in their order; clients that reset at any moment hold nothing either."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    body = {"task": "sample.echo", "delay_s": 3600}
    job = browser.http.post("/api/jobs", json=body, headers=headers).json()["id"]
    for name, (request, statuses) in odd_requests(browser, job, service.host).items():
        with Client(service.port, "127.0.0.1") as client:
            client.socket.sendall(request)
            found = re.findall(rb"HTTP/1\.[01] (\d{3}) ", client.file.read())
            assert (name, found) == (name, statuses)
    look = f"GET /api/jobs/{job}?wait=20 HTTP/1.1\r\nHost: {service.host}\r\n"
    request = f"{look}Cookie: sessionid={browser.cookie}\r\n\r\n".encode()
    for number in range(60):
        with Client(service.port, "127.0.0.1") as client:
            client.socket.sendall(request[: len(request) - number % 3])
            threading.Event().wait(number % 7 / 1000)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: waiting(service) == 0, timeout_s=10, what="all places are free")
    assert browser.http.get("/api/me").status_code == 200


def test_worker_that_is_replaced_cuts_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn's --max-requests: who waits is answered, then the worker goes."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"--max-requests {2 * CROWD}")
    with (
        ServiceProcess(
            tmp_path,
            server="gunicorn",
            server_workers="1",
            task_modules=SAMPLE_TASKS,
            drain_s="10",
        ) as service,
        contextlib.ExitStack() as stack,
    ):
        browser = service.new_browser()
        browser.log_in()
        crowd = Crowd(service, browser, stack)
        began = time.monotonic()
        for _ in range(2 * CROWD):
            with contextlib.suppress(OSError), Client(service.port, "127.0.0.1") as client:
                client.get("/api/health/live")
                client.file.readline()
        assert set(crowd.statuses()) == {"200"}
        assert time.monotonic() - began < EACH_S - 5
