"""Two hundred clients at once that are slow in one way:
with no proxy in front, everybody else is answered as ever.

``NIGHTLY_ASKED=500`` asks that often meanwhile (script/nightly),
and so finds the 99th percentile and not only the slowest.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.e2e.service import COMMANDS, PATIENT, Browser, ServiceProcess
from tests.plain_http import NO_TLS
from tests.waiting import wait_until

SLOW_CLIENTS = 200
ASKED = int(os.environ.get("NIGHTLY_ASKED", "20"))
SLOWEST_ANSWER_S = 1.0
LARGE = 8_000_000


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service under each server with its default settings, but one process:
    what is left of the other answers nobody."""
    with ServiceProcess(
        tmp_path_factory.mktemp("slow"), server=request.param, server_workers="1"
    ) as service:
        yield service


@pytest.fixture(scope="module")
def browser(service: ServiceProcess) -> Browser:
    """A browser that somebody is logged in with."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


# What each of them sends before it becomes slow.
# {host}, {cookie} and {large}, the path of a large file, are filled in.
SLOW = {
    "idle": "",
    "head": "GET /api/me HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
    "body": "POST /api/files HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nContent-Length: "
    "100000\r\n\r\n",
    "chunk": "POST /api/files HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nTransfer-Encoding: "
    "chunked\r\n\r\n3;",
    "form of a stranger": (
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: "
        "csrftoken=" + "t" * 32 + "\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    ),
    "unwanted body of a stranger": "POST /api/files HTTP/1.1\r\nHost: {host}\r\nContent-Length: "
    "100000\r\n\r\n",
    "reader": "GET {large} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n",
}


@pytest.fixture(scope="module")
def large(browser: Browser) -> str:
    """The path of a file that no socket's buffer holds."""
    answer = browser.http.post(
        "/api/files", content=b"x" * LARGE, headers={"Sec-Fetch-Site": "same-origin"}
    )
    return str(answer.json()["links"]["content"])


@contextmanager
def crowd(service: ServiceProcess, beginning: bytes) -> Iterator[list[socket.socket]]:
    """Open that many connections, send each its beginning, and close them in the end."""
    with ExitStack() as stack:
        clients = []
        for _ in range(SLOW_CLIENTS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", service.port))
            client.sendall(beginning)
            clients.append(client)
        yield clients


def answer_times(service: ServiceProcess, browser: Browser, *, asked: int = 20) -> list[float]:
    """Ask a small question again and again, on new connections;
    return how long each answer took, the slowest last."""
    times = []
    for _ in range(asked):
        began = time.monotonic()
        answer = httpx.get(
            f"{service.address}/api/me",
            headers={"Cookie": f"sessionid={browser.cookie}"},
            timeout=30,
            verify=NO_TLS,
        )
        times.append(time.monotonic() - began)
        assert answer.status_code == 200
    return sorted(times)


@pytest.mark.parametrize("beginning", SLOW.values(), ids=SLOW.keys())
def test_slow_clients_starve_nobody(
    service: ServiceProcess, browser: Browser, large: str, beginning: str
) -> None:
    """Six times as many as there are threads, and a byte now and then:
    p99 of everybody else stays within a second."""
    cookie = f"sessionid={browser.cookie}"
    with crowd(
        service, beginning.format(host=service.host, cookie=cookie, large=large).encode()
    ) as clients:
        # What they began is work like any other, 200 requests of it; the slowness comes after.
        wait_until(
            lambda: answer_times(service, browser)[-1] < SLOWEST_ANSWER_S,
            timeout_s=60,
            what="all of them have begun",
        )
        for client in clients:
            if beginning not in (SLOW["idle"], SLOW["reader"]):
                client.send(b"x")
        times = answer_times(service, browser, asked=ASKED)
    assert times[int(len(times) * 0.99)] <= SLOWEST_ANSWER_S, times[-20:]
    assert "Traceback" not in service.log


def is_ended(client: socket.socket, answers: list[bytes]) -> bool:
    """Send one more byte; tell whether the server has answered and closed meanwhile, or closed."""
    client.settimeout(0.25)
    try:
        client.send(b"x")
        answers.append(client.recv(1000))
    except TimeoutError:
        return False
    except ConnectionError:
        answers.append(b"")
    return True


def test_clients_that_trickle_or_stop_are_given_up(
    service: ServiceProcess, browser: Browser
) -> None:
    """All waits for one head count together: neither silence nor a byte now and then holds a
    connection for ever."""
    began = time.monotonic()
    head, form = (
        SLOW[name].format(host=service.host).encode() for name in ("head", "form of a stranger")
    )
    answers: list[bytes] = []
    with ExitStack() as stack:
        trickle, *stopped = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=20))
            for _ in range(3)
        ]
        for client, beginning in zip((trickle, *stopped), (head, head, form), strict=True):
            client.sendall(beginning)
        wait_until(lambda: is_ended(trickle, answers), timeout_s=20, what="it is given up")
        assert time.monotonic() - began > 5  # and not at once: a phone in a tunnel is slow, too
        for client in stopped:
            while client.recv(65_536):
                pass
    assert answers[0].startswith(b"HTTP/1.1 408 ")
    assert "Traceback" not in service.log
