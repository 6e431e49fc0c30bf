"""Uploads through real servers: what they hold in memory, what a broken one leaves,
where a connection goes on."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.processes import children_of
from tests.e2e.raw_http import exchange
from tests.e2e.service import COMMANDS, PATIENT, Browser, ServiceProcess
from tests.folders import files_below
from tests.waiting import wait_until

MB = 1_000_000
LARGE = 200 * MB
# What a process may grow by while LARGE bytes pass through it.
GROWTH_MAX_KB = 40_000

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service that the tests of this module share,
    with a body limit far below that of uploads."""
    folder = tmp_path_factory.mktemp(f"uploads-{request.param}")
    limits = {
        "site_max_body_bytes": str(MB),
        "max_body_bytes": str(MB),
        "upload_max_bytes": str(LARGE),
    }
    with ServiceProcess(folder, server=request.param, server_workers="1", **limits) as service:
        yield service


@pytest.fixture
def browser(service: ServiceProcess) -> Iterator[Browser]:
    """A browser that somebody is logged in with;
    its connections don't use up the server's share of idle ones."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    browser.http.headers["Sec-Fetch-Site"] = "same-origin"
    yield browser
    browser.http.close()


def peak_kb(service: ServiceProcess) -> int:
    """Return the peak memory of the process that serves."""
    pids = [service.pid, *children_of(service.pid)]
    return max(_status_kb(pid, "VmHWM") for pid in pids)


def _status_kb(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def pieces(size: int) -> Iterator[bytes]:
    """Yield so many bytes."""
    piece = b"0123456789abcde\n" * 6250
    for _ in range(size // len(piece)):
        yield piece


def stored(service: ServiceProcess) -> list[Path]:
    """Return all uploads that lie in the storage."""
    return [
        path for path in files_below(service.log_file.parent / "files") if path.name == "content"
    ]


def remove_all(browser: Browser) -> None:
    """Delete the person's files."""
    for file in browser.http.get("/api/files").json()["files"]:
        assert browser.http.delete(file["links"]["self"]).status_code == 204


def test_large_uploads_and_downloads_pass_through(
    service: ServiceProcess, browser: Browser
) -> None:
    """200 MB with a length, in chunks and by form, and back:
    the server's memory stays where it was."""
    small = browser.http.post("/api/files", content=b"warm up").json()
    browser.http.get(small["links"]["content"])
    before = peak_kb(service)
    known = {"Content-Length": str(LARGE)}
    for headers in (known, {}):
        answer = browser.http.post("/api/files?name=large", content=pieces(LARGE), headers=headers)
        assert (answer.status_code, answer.json()["size"]) == (201, LARGE), answer.text
    with browser.http.stream("GET", answer.json()["links"]["content"]) as content:
        assert sum(map(len, content.iter_bytes())) == LARGE
    assert peak_kb(service) - before < GROWTH_MAX_KB
    remove_all(browser)


def test_one_chunk_as_large_as_the_file_is_not_held(
    service: ServiceProcess, browser: Browser
) -> None:
    """The sender chooses the size of its chunks, not of our memory."""
    before = peak_kb(service)
    head = _head(service, browser, "Transfer-Encoding: chunked") + b"%x\r\n" % LARGE
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as raw:
        raw.sendall(head)
        for piece in pieces(LARGE):
            raw.sendall(piece)
        raw.sendall(b"\r\n0\r\n\r\n")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 201 ")
    assert peak_kb(service) - before < GROWTH_MAX_KB
    remove_all(browser)


def test_body_of_a_stranger_is_not_held(service: ServiceProcess) -> None:
    """Refused for want of a log-in, and not read into memory for it:
    it may be as large as an upload."""
    before = peak_kb(service)
    try:
        answer = httpx.post(
            f"{service.address}/api/files",
            content=pieces(LARGE),
            headers={"Content-Length": str(LARGE)},
        )
        assert answer.status_code == 401
    except httpx.TransportError:
        pass  # closed while we were still sending: as good
    assert peak_kb(service) - before < GROWTH_MAX_KB


def test_limit_of_uploads_is_of_uploads_only(service: ServiceProcess, browser: Browser) -> None:
    """413 by either limit; any other address keeps the lower one."""
    cases = [("/api/files", LARGE), ("/api/files", 10 * LARGE)]
    cases += [(path, MB) for path in ("/api/jobs", "/api/files/", "/accounts/login/")]
    for path, limit in cases:
        answer = exchange(
            service,
            _head(service, browser, f"Content-Length: {limit + 1}", "Connection: close", path=path),
        )
        assert answer.status == 413, path


def test_curl_uploads_in_both_ways(
    service: ServiceProcess, browser: Browser, tmp_path: Path
) -> None:
    """As the documentation writes it."""
    source = tmp_path / "access log.txt"
    source.write_text("GET / 200\n" * 100_000)
    cookie, address = f"sessionid={browser.cookie}", f"{service.address}/api/files"
    for arguments in (
        ["--data-binary", f"@{source}", f"{address}?name=access%20log.txt"],
        ["-F", f"file=@{source}", address],
    ):
        done = subprocess.run(
            ["curl", "-sS", "-b", cookie, *arguments], capture_output=True, check=True, timeout=30
        )
        record = json.loads(done.stdout)
        assert (record["name"], record["size"], record["media_type"]) == (
            "access log.txt",
            1_000_000,
            "text/plain",
        )
    remove_all(browser)


BROKEN = {
    "cut with a length": ("Content-Length: 100000", b"x" * 70_000),
    "cut in a chunk": ("Transfer-Encoding: chunked", b"fffff\r\n" + b"x" * 70_000),
    "cut between chunks": ("Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
}
MALFORMED = {
    "no number": b"xyz\r\nabc\r\n0\r\n\r\n",
    "a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
    "negative": b"-1\r\nabc\r\n0\r\n\r\n",
    "endless head": b"3;" + b"x" * 20_000,
}


@pytest.mark.parametrize(("header", "body"), BROKEN.values(), ids=BROKEN.keys())
def test_upload_that_breaks_off_leaves_nothing(
    service: ServiceProcess, browser: Browser, header: str, body: bytes
) -> None:
    """The client is gone: no file, no record, no error of ours in the log."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as raw:
        raw.sendall(_head(service, browser, header) + body)
        wait_until(lambda: stored(service), timeout_s=10, what="the upload has begun")
    wait_until(lambda: not stored(service), timeout_s=15, what="nothing of it is left")
    assert browser.http.get("/api/files").json()["files"] == []
    assert "unexpected error" not in service.log


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_chunk_is_400_and_the_end_of_the_connection(
    service: ServiceProcess, browser: Browser, body: bytes
) -> None:
    """For any address that reads a body; what follows is not taken for a request."""
    follows = b"GET /api/me HTTP/1.1\r\nHost: x\r\n\r\n"
    for path in ("/api/files", "/api/jobs"):
        headers = ("Transfer-Encoding: chunked", "Content-Type: application/json")
        answer = exchange(service, _head(service, browser, *headers, path=path) + body + follows)
        assert answer.status == 400, (path, answer)
        assert answer.body.count(b"HTTP/1.1 ") == 0
    assert stored(service) == []
    assert "unexpected error" not in service.log


def test_connection_goes_on_after_a_body(service: ServiceProcess, browser: Browser) -> None:
    """After one in chunks with trailers, after one that nobody read;
    what follows is the next request."""
    chunked = (
        _head(service, browser, "Transfer-Encoding: chunked")
        + b"3;a=b\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n"
    )
    unread = _head(service, browser, "Content-Length: 1000", path="/api/nothing") + b"x" * 1000
    last = (
        f"GET /api/me HTTP/1.1\r\nHost: {service.host}\r\nCookie: "
        f"sessionid={browser.cookie}\r\nConnection: close\r\n\r\n"
    )
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", _raw(service, chunked + unread + last.encode()))
    assert statuses == [b"201", b"404", b"200"]
    remove_all(browser)


def _raw(service: ServiceProcess, request: bytes) -> bytes:
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as raw:
        raw.sendall(request)
        while piece := raw.recv(65_536):
            answer += piece
    return answer


def _head(
    service: ServiceProcess, browser: Browser, *headers: str, path: str = "/api/files"
) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {service.host}",
        f"Cookie: sessionid={browser.cookie}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode()
