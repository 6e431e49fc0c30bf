"""web.page_sizes against real servers on this machine:
sizes, limits, redirects, concurrency, cancel."""

import socket
import threading
import time
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import pytest

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason
from flask_api.jobs.tasks.context import Progress
from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks.web.fetching.access import USER_AGENT
from flask_api.tasks.web.page_sizes import page_sizes
from shared.settings import ApiSettings
from tests.integration.tasks.web_server import WebServer, running_server, server

__all__ = ["server"]


def sizes_of(*urls: str, allowed: str = "127.0.0.0/8", **arguments: Any) -> list[dict[str, Any]]:
    """Run the task on the URLs with one network allowed."""
    settings = ApiSettings.model_construct(web_allowed_networks=(ip_network(allowed),))
    result: list[dict[str, Any]] = run_inline(
        page_sizes, {"urls": list(urls), **arguments}, settings=settings
    )
    assert [row["url"] for row in result] == list(urls)
    return result


def size_of(url: str, **arguments: Any) -> dict[str, Any]:
    """Run the task on one URL."""
    return sizes_of(url, **arguments)[0]


def code_of(row: dict[str, Any]) -> str | None:
    """Return the row's error code; a row has a size or an error, never both."""
    assert (row["bytes"] is None) == (row["error"] is not None)
    return row["error"]["code"] if row["error"] else None


def test_pages_of_known_size_are_measured_in_input_order(server: WebServer) -> None:
    """Duplicates stay, sizes are exact, a status other than 200 is a result too."""
    rows = sizes_of(
        server.url("/size/0"),
        server.url("/size/100000"),
        server.url("/none"),
        server.url("/size/0"),
    )
    assert [(row["status"], row["bytes"], row["error"]) for row in rows] == [
        (200, 0, None),
        (200, 100_000, None),
        (404, 12, None),
        (200, 0, None),
    ]


def test_request_says_who_asks_and_nothing_else(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy from the environment is used and the headers are ours alone."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert size_of(server.url("/size/1"))["bytes"] == 1
    [(_, headers)] = server.requests
    assert headers["User-Agent"] == USER_AGENT
    assert set(headers) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


def test_five_redirects_are_followed_and_six_are_not(server: WebServer) -> None:
    """The limit is on hops."""
    followed, refused = sizes_of(server.url("/redirect/5"), server.url("/redirect/6"))
    assert (followed["status"], followed["bytes"]) == (200, 3)
    assert code_of(refused) == "too_many_redirects"


def test_cookie_of_a_redirect_is_not_sent_on(server: WebServer) -> None:
    """Each request of each job is without memory."""
    assert size_of(server.url("/to/%2Fsize%2F3"))["bytes"] == 3
    assert all("Cookie" not in headers for _, headers in server.requests)


def test_redirect_with_endless_body_is_followed_without_reading_it(server: WebServer) -> None:
    """The body of a redirect costs nothing."""
    assert size_of(server.url("/endless/302"))["bytes"] == 3


def test_redirect_to_refused_address_never_reaches_it(server: WebServer) -> None:
    """Each hop is checked: a permitted server can't send us on to one that is not."""
    with running_server("127.0.0.2") as inner:
        targets = [
            inner.url("/size/7"),
            inner.url("/size/7", host="0x7f.0.0.2"),
            inner.url("/size/7", host="2130706434"),
        ]
        for target in targets:
            row = size_of(server.url(f"/to/{quote(target, safe='')}"), allowed="127.0.0.1/32")
            assert code_of(row) in {"address_refused", "name_not_found", "bad_response"}
        assert inner.requests == []
        assert size_of(inner.url("/size/7"))["bytes"] == 7  # it was there all the time


@pytest.mark.parametrize(
    "location",
    [
        *(
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "gopher://127.0.0.1/",
            "data:text/plain,x",
            "http://u:p@127.0.0.1/",
        ),
        *(
            "http://",
            "http:///x",
            "http://[::1",
            "http://127.0.0.1:99999/",
            "http://a..b/",
            "http://.a/",
        ),
        *(f"http://{'a' * 64}/", "http://xn--a/", "https://xn--0x7f/"),
    ],
)
def test_redirect_to_odd_url_is_an_error_of_the_row(server: WebServer, location: str) -> None:
    """Whatever a server sends us to, the row says it and the job goes on."""
    row = size_of(server.url(f"/to/{quote(location, safe='')}"))
    assert code_of(row) in {"url_refused", "bad_response", "name_not_found", "connect_failed"}


def test_endless_body_ends_at_the_size_limit(server: WebServer) -> None:
    """The status is known even so."""
    row = size_of(server.url("/endless/"), max_bytes=300_000)
    assert (row["status"], code_of(row)) == (200, "too_large")


def test_body_of_exactly_the_limit_is_measured(server: WebServer) -> None:
    """The limit is the largest size accepted; one byte more is announced and refused."""
    fits, too_long = sizes_of(server.url("/size/1000"), server.url("/size/1001"), max_bytes=1000)
    assert (fits["bytes"], code_of(too_long)) == (1000, "too_large")


@pytest.mark.parametrize("path", ["/trickle", "/slow-header", "/hold"])
def test_slow_server_ends_at_the_time_limit(server: WebServer, path: str) -> None:
    """The limit is on the whole fetch: a byte now and then gains no time."""
    row = size_of(server.url(path), timeout_s=1)
    assert code_of(row) == "timed_out"
    assert 1000 <= row["duration_ms"] < 10_000


def test_job_ends_in_the_time_for_all_its_pages(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetches that run and those that wait for their turn at a slow host end together;
    what was had is kept."""
    monkeypatch.setattr("flask_api.tasks.web.page_sizes.TOTAL_S", 1)
    began = time.monotonic()
    rows = sizes_of(server.url("/size/3"), *[server.url("/hold")] * 30, timeout_s=60)
    assert time.monotonic() - began < 20
    assert rows[0]["bytes"] == 3
    assert {code_of(row) for row in rows[1:]} == {"timed_out"}


def test_server_silent_for_longer_than_a_slice_is_waited_for(server: WebServer) -> None:
    """Waiting in slices changes nothing for a server that answers in time."""
    assert size_of(server.url("/late"))["bytes"] == 4


def test_compressed_bomb_counts_as_it_was_sent(server: WebServer) -> None:
    """Twenty megabytes of zeros are twenty kilobytes on the way, and are never unpacked."""
    row = size_of(server.url("/gzip"), max_bytes=100_000)
    assert row["error"] is None
    assert row["bytes"] < 100_000


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 5000}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nX-Long: {'x' * 200_000}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://\u00ff\u0001/\r\n\r\n",
    ],
)
def test_answer_that_is_not_http_is_an_error_of_the_row(server: WebServer, answer: str) -> None:
    """A broken server breaks its own row only."""
    server.raw = answer.encode("latin-1")
    row, good = sizes_of(server.url("/raw"), server.url("/size/2"))
    assert code_of(row) == "bad_response"
    assert good["bytes"] == 2


def test_refused_connection_is_an_error_of_the_row() -> None:
    """Nobody listens there."""
    with socket.socket() as unused:  # bound and not listening, so the port stays ours and closed
        unused.bind(("127.0.0.1", 0))
        row = size_of(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (row["status"], code_of(row)) == (None, "connect_failed")


def test_plain_server_asked_by_https_is_an_error_of_the_row(server: WebServer) -> None:
    """TLS that can't be agreed on is a failed connection."""
    assert code_of(size_of(server.url("/size/1").replace("http:", "https:"))) == "connect_failed"


def test_hundred_slow_pages_are_fetched_at_the_same_time() -> None:
    """The server answers nobody until fifty requests are there together,
    and each takes 100 ms more."""
    reports: list[Progress] = []
    with running_server(gather=50) as server:
        urls = [server.url(f"/gather/{number}") for number in range(100)]
        settings = ApiSettings.model_construct(
            web_allowed_networks=(ip_network("127.0.0.1/32"),), web_host_connections=100
        )
        rows = run_inline(
            page_sizes, {"urls": urls, "timeout_s": 30}, settings=settings, report=reports.append
        )
    assert [(row["url"], row["status"], row["bytes"]) for row in rows] == [
        (url, 200, 8) for url in urls
    ]
    assert (reports[-1].done, reports[-1].total) == (100, 100)


def test_cancel_while_all_fetches_hang_ends_the_task_and_its_threads(server: WebServer) -> None:
    """Fetches under way are aborted, those not begun are dropped;
    nothing waits for the sixty seconds."""
    urls = [server.url(f"/hold/{number}") for number in range(300)]
    settings = ApiSettings.model_construct(web_allowed_networks=(ip_network("127.0.0.1/32"),))

    def must_stop() -> StopReason | None:
        return StopReason.CANCELLED if server.held.is_set() else None

    with pytest.raises(JobCancelled):
        run_inline(
            page_sizes, {"urls": urls, "timeout_s": 60}, settings=settings, must_stop=must_stop
        )
    assert len(server.requests) <= 100
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("web-")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"urls": []},
        {"urls": ["http://a/"] * 1001},
        {"urls": ["http://" + "a" * 1994]},
        {"urls": ["ftp://a/"]},
        {"urls": ["file:///etc/passwd"]},
        {"urls": ["//a/"]},
        {"urls": ["http://a b/"]},
        {"urls": [7]},
        {"urls": "http://a/"},
        {"urls": ["http://a/"], "timeout_s": 0.5},
        {"urls": ["http://a/"], "timeout_s": 61},
        {"urls": ["http://a/"], "max_bytes": 0},
        {"urls": ["http://a/"], "max_bytes": 100_000_001},
        {"urls": ["http://a/"], "allowed_networks": ["0.0.0.0/0"]},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_is_made(arguments: dict[str, Any]) -> None:
    """Number and form of URLs and both limits are checked;
    nobody can pass settings as arguments."""
    with pytest.raises(InvalidArguments):
        run_inline(page_sizes, arguments)
