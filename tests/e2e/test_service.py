"""The whole service on one port, under each server:
log in, work, log out, stop without losing anything."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.service import COMMANDS, Browser, ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.integration.tasks.web_server import running_server
from tests.waiting import wait_until

TASK_MODULES = f"flask_api.tasks.primes,flask_api.tasks.web.page_sizes,{SAMPLE_TASKS}"
DRAIN_S = 10
MAX_RSS_KB = 150_000


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service that the tests of this module share; web tasks may fetch from this machine."""
    folder = tmp_path_factory.mktemp(f"service-{request.param}")
    with ServiceProcess(
        folder, server=request.param, web_allowed_networks="127.0.0.0/8"
    ) as service:
        yield service


@pytest.fixture
def browser(service: ServiceProcess) -> Browser:
    """A browser that nobody is logged in with."""
    return service.new_browser()


def run(browser: Browser, task: str, **arguments: Any) -> dict[str, Any]:
    """Submit a job as a page's script does, wait for its end, return the record."""
    answer = browser.http.post(
        "/api/jobs",
        json={"task": task, "arguments": arguments},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    deadline = time.monotonic() + 20
    while job["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        job = browser.http.get(job["links"]["self"], params={"wait": 5}).json()
    return job


def test_person_logs_in_runs_every_task_and_logs_out(browser: Browser) -> None:
    """From the log-in page to results and back;
    the cookie of before is refused afterwards, by both sides."""
    assert browser.http.get("/api/me").status_code == 401
    browser.log_in()
    assert browser.http.get("/api/me").json()["username"] == "demo"
    assert run(browser, "primes.sum", limit=100_000)["result"] == 454_396_537
    assert [
        row["is_prime"] for row in run(browser, "primes.check", numbers=[91, 97])["result"]
    ] == [False, True]
    with running_server() as web:
        pages = run(
            browser,
            "web.page_sizes",
            urls=[web.url("/size/1234"), web.url("/redirect/2"), web.url("/nothing")],
        )
    assert [(row["status"], row["bytes"]) for row in pages["result"]] == [
        (200, 1234),
        (200, 3),
        (404, 12),
    ]
    old = browser.cookie
    browser.log_out()
    header = {"Cookie": f"sessionid={old}"}
    with httpx.Client(base_url=browser.http.base_url, trust_env=False) as stranger:
        assert stranger.get("/api/me", headers=header).status_code == 401
        assert "demo" not in stranger.get("/", headers=header).text


def test_browser_is_led_to_log_in_and_back(browser: Browser) -> None:
    """A page of the API asked without log-in: after the form the browser is where it wanted to
    be."""
    first = browser.http.get("/api/jobs?limit=3", headers={"Accept": "text/html"})
    assert first.status_code == 302
    form = {"login": "demo", "password": browser._password, "next": "/api/jobs?limit=3"}
    answer = browser.send_form("/accounts/login/", form, page=first.headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (302, "/api/jobs?limit=3")
    assert (
        browser.http.get(answer.headers["Location"], headers={"Accept": "text/html"}).status_code
        == 200
    )


def test_no_answer_tells_a_version(service: ServiceProcess, browser: Browser) -> None:
    """Neither side's answers, nor the server's own, say what exactly runs here."""
    answers = [
        browser.http.get(path)
        for path in ("/", "/api/me", "/api/health/live", "/nothing", "/static/none")
    ]
    assert all(not re.search(r"\d", answer.headers.get("Server", "")) for answer in answers)
    assert all("X-Powered-By" not in answer.headers for answer in answers)
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        reply = raw.recv(4096).decode("latin-1")
    assert not re.search(r"(?im)^server:.*\d", reply), reply


def test_body_in_chunks_is_bounded(browser: Browser) -> None:
    """20 MB without a declared length are refused, and the service goes on."""
    browser.log_in()
    pieces = (b"a" * 100_000 for _ in range(200))
    try:
        answer = browser.http.post(
            "/api/jobs", content=pieces, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413, answer.text
    except httpx.TransportError:
        pass  # closed while we were still sending: as good
    assert browser.http.get("/api/me").status_code == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_idle_process_is_small(tmp_path: Path) -> None:
    """CherryPy with both sides loaded and used once stays under 150 MB."""
    with ServiceProcess(tmp_path) as service:
        browser = service.new_browser()
        browser.log_in()
        assert browser.http.get("/api/me").status_code == 200
        status = Path(f"/proc/{service.pid}/status").read_text()
        assert int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) < MAX_RSS_KB


def _half_sent_submit(service: ServiceProcess, cookie: str) -> tuple[socket.socket, bytes]:
    """Begin a submit and keep back the last part of its body;
    return the connection and that part."""
    body = b'{"task": "sample.echo", "arguments": {"value": "late"}}'
    head = (
        f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nCookie: "
        f"sessionid={cookie}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: "
        "close\r\n\r\n"
    )
    raw = socket.create_connection(("127.0.0.1", service.port), timeout=DRAIN_S)
    raw.sendall(head.encode() + body[:20])
    return raw, body[20:]


def _read_all(raw: socket.socket) -> str:
    answer = b""
    while piece := raw.recv(65_536):
        answer += piece
    return answer.decode()


@pytest.mark.parametrize("server", COMMANDS)
def test_sigterm_finishes_requests_and_jobs_then_exits_0(tmp_path: Path, server: str) -> None:
    """A job that runs is done, a long-poll ends early,
    a request half sent is still read and answered; nothing is cut."""
    with ServiceProcess(
        tmp_path, server=server, task_modules=TASK_MODULES, drain_s=str(DRAIN_S)
    ) as service:
        browser = service.new_browser()
        browser.log_in()
        job = {"task": "sample.steps", "arguments": {"count": 30, "step_s": 0.1}}
        path = browser.http.post("/api/jobs", json=job).json()["links"]["self"]
        wait_until(
            lambda: browser.http.get(path).json()["status"] == "running",
            timeout_s=10,
            what="the job runs",
        )
        raw, rest = _half_sent_submit(service, browser.cookie)
        with raw, ThreadPoolExecutor() as pool:
            poll = pool.submit(_long_poll, service, path, browser.cookie)
            _wait_until_polled(service)
            started = time.monotonic()
            service.ask_to_stop()
            record = poll.result(timeout=DRAIN_S)
            assert record["status"] == "running", "the long-poll ended before the job"
            assert time.monotonic() - started < 2
            raw.sendall(rest)
            assert _read_all(raw).startswith("HTTP/1.1 202 ")
        assert service.wait_for_exit(DRAIN_S) == 0, service.log
        assert time.monotonic() - started < DRAIN_S
        assert "Traceback" not in service.log
        statuses = _statuses(service)
    assert statuses == ["succeeded", "succeeded"]


def _long_poll(service: ServiceProcess, path: str, cookie: str) -> dict[str, Any]:
    headers = {"Cookie": f"sessionid={cookie}"}
    answer = httpx.get(
        f"{service.address}{path}?wait=25", headers=headers, timeout=30, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()
    return record


def _wait_until_polled(service: ServiceProcess) -> None:
    """Return when some process of the service holds a long-poll: each connection may lead to
    another one."""

    def is_held() -> bool:
        answer = httpx.get(f"{service.address}/api/metrics", trust_env=False, timeout=10)
        lines = answer.text.splitlines()
        return any(re.match(r"gatehouse_long_polls\{.*\} 1\.0", line) for line in lines)

    wait_until(is_held, timeout_s=20, what="the long-poll waits")


def _statuses(service: ServiceProcess) -> list[str]:
    """Read the jobs' statuses from Valkey: the server is gone."""
    import redis

    with redis.Redis.from_url(service.valkey.url("admin"), decode_responses=True) as admin:
        return [
            str(admin.hget(name, "status"))
            for name in admin.scan_iter(match="gatehouse:jobs:record:*")
        ]
