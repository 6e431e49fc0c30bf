"""The guarded client's manners and its reading:
turns at a host, packed bodies, HEAD, who it says it is."""

import gzip
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest

from flask_api.tasks.web.errors import FetchAborted, HostBusy, TooManyRedirects, WebError
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.politeness import HostSlots
from shared.settings import ApiSettings
from tests.integration.tasks.web_server import LOCAL, Page, WebServer, server
from tests.waiting import wait_until

__all__ = ["server"]


def fetch(
    client: GuardedClient, url: str, *, max_bytes: int = 1_000_000, timeout_s: float = 10
) -> bytes:
    """Return the body, unpacked."""
    with client.stream(url, timeout_s=timeout_s, max_bytes=max_bytes, unpack=True) as reply:
        return b"".join(reply.iter_body())


def code_of(client: GuardedClient, url: str, *, max_bytes: int = 1_000_000) -> str:
    """Return the code of the error that a fetch ends with."""
    with pytest.raises(WebError) as failure:
        fetch(client, url, max_bytes=max_bytes)
    return failure.value.code


def test_one_address_gets_no_more_connections_at_once_than_its_slots(server: WebServer) -> None:
    """Thirty threads, two clients, several names for the host: three at a time."""
    hosts = HostSlots(3)
    clients = [
        GuardedClient(LOCAL, hosts=hosts, resolver=lambda host, port: ["127.0.0.1"])
        for _ in range(2)
    ]
    urls = [server.url(f"/busy/{number}", host=f"name{number}.test") for number in range(30)]
    with ThreadPoolExecutor(30) as pool:
        bodies = list(
            pool.map(lambda numbered: fetch(clients[numbered[0] % 2], numbered[1]), enumerate(urls))
        )
    for client in clients:
        client.close()
    assert bodies == [b"done"] * 30
    assert server.most_busy == 3


def test_waiting_for_a_turn_takes_no_time_from_the_fetch(server: WebServer) -> None:
    """The last of thirty waits for longer than a fetch may take, and is fetched all the same."""
    began = time.monotonic()
    with GuardedClient(LOCAL, hosts=HostSlots(1)) as client, ThreadPoolExecutor(30) as pool:
        urls = [server.url(f"/busy/{number}") for number in range(30)]
        bodies = list(pool.map(lambda url: fetch(client, url, timeout_s=1.4), urls))
    assert bodies == [b"done"] * 30
    assert time.monotonic() - began > 1.4


def test_turn_is_given_back_however_a_fetch_ends(server: WebServer) -> None:
    """Errors at every stage leave the one slot free,
    and nothing is remembered of hosts no longer in use."""
    server.raw = b"no HTTP"
    hosts = HostSlots(1)
    with GuardedClient((ip_network("127.0.0.0/8"),), hosts=hosts) as client:
        for path in ("/raw", "/endless/", "/redirect/6", "/to/http%3A%2F%2F10.0.0.1%2F"):
            code_of(client, server.url(path), max_bytes=1000)
        code_of(client, server.url("/size/1").replace("http:", "https:"))
        code_of(client, server.url("/size/1", host="127.0.0.9"))
        assert fetch(client, server.url("/size/3")) == b"xxx"
    assert (hosts._slots, hosts._users) == ({}, {})


def test_wait_for_a_turn_ends_in_time(server: WebServer) -> None:
    """A host that keeps all its turns busy is an error, and a closed client doesn't wait for it."""
    with (
        GuardedClient(LOCAL, hosts=HostSlots(1, max_wait_s=0.1)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        holding = pool.submit(fetch, client, server.url("/hold"), timeout_s=60)
        assert server.held.wait(10)
        with pytest.raises(HostBusy):
            fetch(client, server.url("/size/1"))
        client.close()
        with pytest.raises(FetchAborted):
            holding.result(timeout=10)


def test_closed_client_stops_waiting_for_its_turn(server: WebServer) -> None:
    """A cancelled job doesn't queue at a busy host."""
    hosts = HostSlots(1)
    with GuardedClient(LOCAL, hosts=hosts) as holder, ThreadPoolExecutor(2) as pool:
        holding = pool.submit(fetch, holder, server.url("/hold"), timeout_s=60)
        assert server.held.wait(10)
        client = GuardedClient(LOCAL, hosts=hosts)
        waiting = pool.submit(fetch, client, server.url("/size/1"))
        wait_until(lambda: hosts._users.get("127.0.0.1") == 2, timeout_s=5)
        client.close()
        with pytest.raises(FetchAborted):
            waiting.result(timeout=10)
        holder.close()
        with pytest.raises(FetchAborted):
            holding.result(timeout=10)


def test_packed_body_is_unpacked_and_plain_one_left(server: WebServer) -> None:
    """Gzip is asked for, and either answer will do; of one after the packed end nothing is read."""
    packed = gzip.compress(b"hello " * 1000)
    server.pages["/packed"] = Page(packed, headers={"Content-Encoding": "GZip"})
    server.pages["/behind"] = Page(packed + b"junk", headers={"Content-Encoding": "x-gzip"})
    server.pages["/plain"] = Page(b"hello", headers={"Content-Encoding": "identity"})
    with GuardedClient(LOCAL) as client:
        assert fetch(client, server.url("/packed")) == b"hello " * 1000
        assert fetch(client, server.url("/behind")) == b"hello " * 1000
        assert fetch(client, server.url("/plain")) == b"hello"
    assert {headers["Accept-Encoding"] for _, headers in server.requests} == {"gzip"}


@pytest.mark.parametrize(
    ("body", "coding", "code"),
    [
        (gzip.compress(bytes(20_000_000), mtime=0), "gzip", "too_large"),
        (
            gzip.compress(gzip.compress(bytes(200_000_000), mtime=0), mtime=0),
            "gzip, gzip",
            "bad_response",
        ),
        (gzip.compress(b"x" * 1000, mtime=0)[:-20], "gzip", "bad_response"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-4] + b"\0\0\0\0", "gzip", "bad_response"),
        (b"no gzip", "gzip", "bad_response"),
        (b"", "gzip", "bad_response"),
        (zlib.compress(b"x"), "deflate", "bad_response"),
        (b"x", "br", "bad_response"),
        (b"x", "rot13", "bad_response"),
    ],
)
def test_packed_body_that_harms_or_breaks_is_an_error(
    server: WebServer, body: bytes, coding: str, code: str
) -> None:
    """A bomb ends at the limit while it is unpacked; broken, cut and unwanted codings are named."""
    server.pages["/packed"] = Page(body, headers={"Content-Encoding": coding})
    with GuardedClient(LOCAL) as client:
        assert code_of(client, server.url("/packed")) == code


def test_head_gives_status_and_length_without_a_body(server: WebServer) -> None:
    """An announced length over the limit is no error: nothing of it is sent."""
    with (
        GuardedClient(LOCAL) as client,
        client.stream(server.url("/size/5000"), timeout_s=10, max_bytes=10, method="HEAD") as reply,
    ):
        assert (reply.status, reply.headers["Content-Length"], b"".join(reply.iter_body())) == (
            200,
            "5000",
            b"",
        )


def test_redirect_is_the_reply_where_none_is_followed(server: WebServer) -> None:
    """Who wants the server's own answer gets it."""
    with GuardedClient(LOCAL) as client:
        with client.stream(
            server.url("/redirect/1"), timeout_s=10, max_bytes=10, max_redirects=0
        ) as reply:
            assert (reply.status, reply.headers["Location"]) == (302, "/redirect/0")
        with (
            pytest.raises(TooManyRedirects),
            client.stream(server.url("/redirect/2"), timeout_s=10, max_bytes=10, max_redirects=1),
        ):
            pass


def test_settings_say_who_asks_and_how_many_at_once(server: WebServer) -> None:
    """The operator's name for the service is sent, and the operator's limit kept."""
    settings = ApiSettings.model_construct(
        web_allowed_networks=LOCAL,
        web_host_connections=2,
        web_user_agent="Example-Bot (+https://example.org/bot)",
    )
    with GuardedClient.of(settings) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: fetch(client, server.url(f"/busy/{number}")), range(8)))
    assert server.most_busy == 2
    assert {headers["User-Agent"] for _, headers in server.requests} == {
        "Example-Bot (+https://example.org/bot)"
    }


def test_slots_belong_to_the_process(server: WebServer) -> None:
    """Two jobs of one process share the turns at a host."""
    settings = ApiSettings.model_construct(web_allowed_networks=LOCAL, web_host_connections=4)
    barrier = threading.Barrier(8)

    def one_job(number: int) -> bytes:
        with GuardedClient.of(settings) as client:
            barrier.wait(10)
            return fetch(client, server.url(f"/busy/{number}"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one_job, range(8))) == [b"done"] * 8
    assert server.most_busy <= 4
