"""logs.retry_failed against a real server: the new log, the table, bad lines, big logs,
and what is never repeated."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason
from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks.access_log.files import LogTooLarge
from flask_api.tasks.access_log.retry import retry_failed
from shared.settings import ROOT, ApiSettings
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.tasks.retry_bench import Retry, line, table
from tests.integration.tasks.web_server import LOCAL, Page, WebServer, server

__all__ = ["server"]


def test_failed_urls_are_requested_again_and_the_new_log_says_how(
    tmp_path: Path, server: WebServer
) -> None:
    """Order, other lines and formats stay; each URL is asked once,
    with its query and retry=true."""
    server.pages["/still"] = Page(b"no", status=503)
    ok, common = (
        line("GET /size/9 HTTP/1.1", 200),
        line("HEAD /size/7?x=%2F&y=a+b HTTP/1.0", 500, rest=""),
    )
    failed, still = line("GET /size/5?q=1 HTTP/1.1", 502), line("GET /still HTTP/2.0", 504)
    run = Retry(tmp_path, server, ok + failed + common.replace("\n", "\r\n") + still + failed + ok)
    assert sorted(path for path, _ in server.requests) == [
        "/size/5?q=1&retry=true",
        "/size/7?x=%2F&y=a+b&retry=true",
        "/still?retry=true",
    ]
    assert table(run.report) == {200: (2, 5), 500: (1, 0), 502: (2, 0), 503: (0, 1), 504: (1, 0)}
    lines = run.log.decode().splitlines(keepends=True)
    assert (lines[0], lines[5], len(lines)) == (ok, ok, 6)
    assert lines[1].startswith("192.0.2.7 - - [")
    assert lines[1].endswith(
        '"GET /size/5?q=1&retry=true HTTP/1.1" 200 5 "https://example.org/" "curl/8"\n'
    )
    assert lines[2].endswith('"HEAD /size/7?x=%2F&y=a+b&retry=true HTTP/1.0" 200 0\r\n')
    assert '"GET /still?retry=true HTTP/2.0" 503 2' in lines[3]
    assert lines[1][:40] != failed[:40]  # the time is the new request's
    report = run.report
    assert (
        report["file"],
        report["lines"],
        report["failed"],
        report["requested"],
        report["skipped"],
    ) == (
        "retried.log",
        6,
        4,
        3,
        0,
    )
    assert report["urls"][0] == {
        "method": "GET",
        "url": server.url("/size/5?q=1&retry=true"),
        "before": 502,
        "after": 200,
        "error": None,
    }


def test_packed_log_gives_a_packed_one(tmp_path: Path, server: WebServer) -> None:
    """The same format, by name and by content."""
    run = Retry(tmp_path, server, gzip.compress(line("GET /size/3 HTTP/1.1", 500).encode()))
    assert run.name == run.report["file"] == "retried.log.gz"
    assert b'"GET /size/3?retry=true HTTP/1.1" 200 3' in gzip.decompress(run.log)


def test_what_may_change_something_is_not_repeated(tmp_path: Path, server: WebServer) -> None:
    """POST and the like, garbage, and absolute URLs, which would lead to any host."""
    requests = [
        "POST /pay HTTP/1.1",
        "DELETE /x HTTP/1.1",
        "PROPFIND / HTTP/1.1",
        "-",
        "\\x16\\x03",
        "GET http://10.0.0.1/ HTTP/1.1",
    ]
    log = "".join(
        line(request, 500)
        for request in [*requests, "CONNECT a:443 HTTP/1.1", "GET @10.0.0.1/ HTTP/1.1"]
    )
    run = Retry(tmp_path, server, log)
    assert (server.requests, run.log.decode()) == ([], log)
    assert run.report["not_repeated"] == {"other_method": 3, "no_path": 5}
    assert (run.report["failed"], run.report["requested"]) == (8, 0)


def test_path_that_looks_like_a_host_stays_on_the_base(tmp_path: Path, server: WebServer) -> None:
    """The base is put before the path as it is;
    the test server shows two slashes at the start as one."""
    Retry(tmp_path, server, line("GET //evil.test/x HTTP/1.1", 500))
    assert [path for path, _ in server.requests] == ["/evil.test/x?retry=true"]


def test_requests_are_asked_for_byte_for_byte(tmp_path: Path, server: WebServer) -> None:
    """Dots stay, escapes are what the client sent,
    and lines of odd users and statuses are among the others."""
    paths = ["/a\\tb", "/d/../e/./%2e%2E/f?x=/../", "/q?[a]|'~"]
    odd = '192.0.2.7 - "" [20/Nov/2026:12:13:36 +0000] "GET {} HTTP/1.1" 503 162\n'
    log = (
        "".join(odd.format(path) for path in paths)
        + line("-", 408).replace("408 162", "000 0")
        + line("GET / HTTP/1.1", 200)
    )
    run = Retry(tmp_path, server, log.replace("200 162", "- -"))
    asked = ["/a%09b?retry=true", "/d/../e/./%2e%2E/f?x=/../&retry=true", "/q?[a]|'~&retry=true"]
    assert sorted(path for path, _ in server.requests) == asked
    assert (run.report["lines"], run.report["skipped"], run.report["failed"]) == (5, 0, 3)
    assert table(run.report) == {0: (2, 2), 404: (0, 3), 503: (3, 0)}


def test_bad_lines_are_counted_left_out_and_told_of(tmp_path: Path, server: WebServer) -> None:
    """A megabyte, NUL bytes, junk: the rest goes on."""
    good = line("GET /size/3 HTTP/1.1", 500).encode()
    bad = [b"x" * 1_000_000 + b"\n", good.replace(b"curl", b"\0"), b"junk\n", b"\xff\xfe\n", b"\n"]
    run = Retry(tmp_path, server, b"".join([*bad, good, *bad * 50, good[:-1]]))
    assert (
        run.report["lines"],
        run.report["skipped"],
        run.report["failed"],
        len(run.report["problems"]),
    ) == (257, 255, 2, 100)
    assert run.report["problems"][0] == {"line": 1, "reason": "over 32768 bytes"}
    assert run.log.count(b'"GET /size/3?retry=true HTTP/1.1" 200 3') == 2
    assert not run.log.endswith(b"\n")


def test_url_without_an_answer_keeps_its_line(tmp_path: Path, server: WebServer) -> None:
    """Broken off, redirected to nowhere near: the row says it, and a redirect is an answer."""
    server.raw = b"no HTTP"
    broken, moved = line("GET /raw HTTP/1.1", 500), line("GET /redirect/3 HTTP/1.1", 500)
    run = Retry(tmp_path, server, broken + moved)
    first, second = run.report["urls"]
    assert (first["after"], first["error"]["code"], second["after"]) == (None, "bad_response", 302)
    assert run.log.decode().startswith(broken)
    assert table(run.report) == {302: (0, 1), 500: (2, 1)}


def test_no_more_requests_than_wanted_are_sent(tmp_path: Path, server: WebServer) -> None:
    """The rest is counted, and repetitions of what was asked are not."""
    log = "".join(line(f"GET /size/{number} HTTP/1.1", 500) for number in [*range(10), *range(10)])
    run = Retry(tmp_path, server, log, max_requests=4)
    assert (run.report["requested"], run.report["not_repeated"], len(server.requests)) == (
        4,
        {"over_max_requests": 12},
        4,
    )


def test_base_that_is_not_permitted_sends_nothing(tmp_path: Path, server: WebServer) -> None:
    """Each row has the refusal."""
    run = Retry(tmp_path, server, line("GET /x HTTP/1.1", 500), base_url="http://169.254.169.254")
    assert run.report["urls"][0]["error"]["code"] == "address_refused"


def test_log_larger_than_a_file_may_be_is_packed_or_refused(
    tmp_path: Path, server: WebServer
) -> None:
    """Packed if that helps; else an error as soon as it is known."""
    log = line("GET /size/3 HTTP/1.1", 200) * 1000
    assert (
        Retry(tmp_path, server, log, settings={"job_file_max_bytes": 50_000}).name
        == "retried.log.gz"
    )
    noise = "".join(line(f"GET /{os.urandom(50).hex()} HTTP/1.1", 200) for _ in range(1000))
    with pytest.raises(LogTooLarge):
        Retry(tmp_path, server, noise, settings={"job_file_max_bytes": 5_000})


def test_cancel_while_requests_hang_ends_the_task(tmp_path: Path, server: WebServer) -> None:
    """And leaves no thread."""
    path = tmp_path / "log"
    path.write_text("".join(line(f"GET /hold/{number} HTTP/1.1", 500) for number in range(100)))

    def must_stop() -> StopReason | None:
        return StopReason.CANCELLED if server.held.is_set() else None

    settings = ApiSettings.model_construct(web_allowed_networks=LOCAL)
    with pytest.raises(JobCancelled):
        run_inline(
            retry_failed,
            {"log": path, "base_url": server.url(""), "timeout_s": 60},
            settings=settings,
            must_stop=must_stop,
        )


def test_uploaded_log_is_retried_by_the_engine(bench: EngineBench, server: WebServer) -> None:
    """From the upload to the file of the job."""
    engine = bench.start(
        task_modules=("flask_api.tasks.access_log.retry",), web_allowed_networks=LOCAL
    )
    upload = engine.uploads.receive(
        [line("GET /size/3 HTTP/1.1", 500).encode()], owner=bench.owner, name="access.log"
    )
    job = bench.run(engine, "logs.retry_failed", {"log": upload.id, "base_url": server.url("")})
    assert job.result["requested"] == 1, job.error
    assert [file["name"] for file in job.files] == ["retried.log"]
    with engine.open_file(job, "retried.log") as stream:
        assert b"retry=true" in stream.read()


def test_memory_does_not_grow_with_the_log(tmp_path: Path, server: WebServer) -> None:
    """Ten times the lines, the same memory, in processes of their own;
    a hundred failures in each."""

    def peak_kb(lines: int) -> int:
        path = tmp_path / f"{lines}.log"
        with path.open("w") as log:
            for number in range(lines):
                log.write(
                    line(
                        f"GET /size/3?n={number} HTTP/1.1",
                        500 if number % (lines // 100) == 0 else 200,
                    )
                )
        command = [sys.executable, "-c", PEAK, str(path), server.url("")]
        return int(
            subprocess.run(
                command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
            ).stdout
        )

    assert peak_kb(50_000) < peak_kb(5_000) + 8_000


PEAK = r"""
import re, sys
from ipaddress import ip_network
from pathlib import Path
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.access_log.retry import retry_failed
from shared.settings import ApiSettings

class Reporter(InlineReporter):
    def save_file(self, name, source):
        assert source.stat().st_size

settings = ApiSettings.model_construct(web_allowed_networks=(ip_network("127.0.0.1/32"),))
report = run_inline(retry_failed, {"log": Path(sys.argv[1]), "base_url": sys.argv[2]}, settings=settings, reporter=Reporter())
assert report["requested"] == 100, report
# Not getrusage: its figure begins with that of the process that started this one.
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize(
    "base",
    [
        "ftp://a/",
        "http://a/?x=1",
        "http://a/#x",
        "http://a b/",
        "",
        "a.test",
        f"http://{'a' * 500}/",
    ],
)
def test_wrong_base_is_refused_before_a_job_is_made(tmp_path: Path, base: str) -> None:
    """A query or a fragment would swallow the paths."""
    (tmp_path / "log").touch()
    with pytest.raises(InvalidArguments):
        run_inline(retry_failed, {"log": tmp_path / "log", "base_url": base})
