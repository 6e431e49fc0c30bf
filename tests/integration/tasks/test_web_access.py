"""The guarded client against hostile URLs, names that change, slow names, and TLS."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest

from flask_api.tasks.web.errors import (
    FetchAborted,
    NameNotFound,
    TimedOut,
    UrlRefused,
    WebError,
)
from flask_api.tasks.web.fetching import network
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.network import Resolver, resolve_by_system
from tests.integration.tasks.web_server import LOCAL, WebServer, fetch, running_server, server

__all__ = ["server"]


HOSTILE = [
    *(
        line
        for line in Path(__file__).with_name("hostile_urls.txt").read_text("utf-8").splitlines()
        if not line.startswith("# ")
    ),
    "http://127.0.0.1\t:PORT/",
    "http://loc\u00adalhost:PORT/",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\r\nX-Injected: 1/",
]

NAMES = {
    "inner.test": ["10.0.0.5", "127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "mixed.test": ["fe80::1%lo", "127.0.0.1", "0.0.0.0"],
    "metadata.test": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1", "::1"],
}


def resolve_offline(host: str, port: int) -> list[str]:
    """Resolve the names of the tests, and let the system read every spelling of a number;
    never ask the network."""
    if host in NAMES:
        return NAMES[host]
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]


@pytest.mark.parametrize("template", HOSTILE)
def test_hostile_url_is_refused_and_reaches_nobody(template: str) -> None:
    """No spelling of an inner address gets through, while a server is there to answer it."""
    with running_server("0.0.0.0") as everywhere, GuardedClient(resolver=resolve_offline) as client:
        with pytest.raises(WebError) as refusal:
            fetch(client, template.replace("PORT", str(everywhere.port)))
        assert refusal.value.code in {"url_refused", "address_refused", "name_not_found"}
        assert everywhere.requests == []


@pytest.fixture(scope="module")
def everywhere() -> Iterator[WebServer]:
    """A web server on all of this machine's IPv4 addresses."""
    with running_server("0.0.0.0") as running:
        yield running


@pytest.mark.parametrize("template", HOSTILE)
def test_redirect_to_hostile_url_reaches_nobody(everywhere: WebServer, template: str) -> None:
    """A permitted server can't send us where we may not go, however it writes that."""
    target = quote(template.replace("PORT", str(everywhere.port)), safe="")
    client = GuardedClient((ip_network("127.0.0.9/32"),), resolver=resolve_offline)
    with client, running_server("127.0.0.9") as permitted, suppress(WebError):
        fetch(client, permitted.url(f"/to/{target}"))
    assert len(permitted.requests) >= 1
    assert everywhere.requests == []


@pytest.mark.parametrize(
    "template",
    [
        *(
            "http://u:p@a.test:PORT/",
            "http://u@a.test:PORT/",
            "http://a.test:0/",
            "ftp://a.test:PORT/",
            "http://a.test:PORT/\ud800",
        ),
        *(
            f"https://{host}:PORT/"
            for host in (
                ".a.test",
                "a..test",
                "a" * 64,
                "xn--a",
                "xn--0x7f",
                "a" + ".a" * 127,
                "\ud800",
            )
        ),
    ],
)
def test_odd_url_is_refused_though_its_address_is_permitted(
    server: WebServer, template: str
) -> None:
    """Credentials, port 0, other schemes and host names that aren't any:
    refused as URLs, never another exception."""
    with (
        GuardedClient(LOCAL, resolver=lambda host, port: ["127.0.0.1"]) as client,
        pytest.raises(UrlRefused),
    ):
        fetch(client, template.replace("PORT", str(server.port)))
    assert server.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001"])
def test_system_resolver_reads_spelling_as_loopback(host: str) -> None:
    """The spellings above do mean this machine:
    it is the check of the address that refuses them."""
    assert resolve_by_system(host, 80) == ["127.0.0.1"]


def test_name_rebound_after_the_check_is_not_asked_again(server: WebServer) -> None:
    """The connection goes to the address that was checked, though the name now says another."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with GuardedClient(LOCAL, resolver=lambda host, port: next(answers)) as client:
        assert fetch(client, server.url("/size/3", host="rebind.test")) == b"xxx"
    assert server.requests[0][1]["Host"] == f"rebind.test:{server.port}"
    assert next(answers) == ["10.0.0.1"]


def test_name_rebound_between_redirects_is_refused(server: WebServer) -> None:
    """Each hop is resolved and checked afresh, to the same host too."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with (
        GuardedClient(LOCAL, resolver=lambda host, port: next(answers)) as client,
        pytest.raises(NameNotFound),
    ):
        fetch(client, server.url("/redirect/1", host="rebind.test"))
    assert [path for path, _ in server.requests] == ["/redirect/1"]


def test_name_with_refused_and_permitted_addresses_connects_to_the_permitted_one(
    server: WebServer,
) -> None:
    """Refused addresses are dropped, the rest are tried in order."""
    with GuardedClient(
        LOCAL, resolver=lambda host, port: ["127.0.0.2", "::1", "127.0.0.1"]
    ) as client:
        assert fetch(client, server.url("/size/3", host="both.test")) == b"xxx"


def test_dead_first_address_leaves_the_second(server: WebServer) -> None:
    """A host is reached if one of its addresses answers."""
    loopback = (ip_network("127.0.0.0/8"),)
    with GuardedClient(loopback, resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"]) as client:
        assert fetch(client, server.url("/size/3", host="two.test")) == b"xxx"


def refusal_of(name: str, resolver: Resolver) -> tuple[str, str]:
    """Return the code and the words of a refusal."""
    with GuardedClient(resolver=resolver) as client, pytest.raises(WebError) as refusal:
        fetch(client, f"http://{name}/")
    return refusal.value.code, refusal.value.message


def test_inner_name_is_told_from_no_name_by_nothing() -> None:
    """Who submits a job learns neither an inner address nor which inner names there are."""
    nobody = refusal_of("nowhere.test", fail_to_resolve)
    assert nobody == ("name_not_found", "The host's name has no public address.")
    assert {refusal_of(name, resolve_offline) for name in NAMES} == {nobody}


def test_name_of_this_machines_own_public_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is sent: no way leads from a test's machine to that address."""
    monkeypatch.setattr(network, "is_own_address", lambda address: str(address) == "8.8.8.8")
    assert refusal_of("own.test", lambda host, port: ["8.8.8.8"])[0] == "name_not_found"
    assert refusal_of("8.8.8.8", lambda host, port: ["8.8.8.8"])[0] == "address_refused"


def fail_to_resolve(host: str, port: int) -> list[str]:
    """Say what the system says of a name that does not exist."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("resolver", "error"), [(fail_to_resolve, NameNotFound), (lambda host, port: [], NameNotFound)]
)
def test_name_without_address_is_refused(resolver: Resolver, error: type[WebError]) -> None:
    """Nothing to connect to."""
    with GuardedClient(resolver=resolver) as client, pytest.raises(error):
        fetch(client, "http://nowhere.test/")


def test_slow_name_ends_at_the_time_limit() -> None:
    """The system's resolver can't be interrupted; the fetch ends all the same."""
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(30)
        return []

    try:
        with GuardedClient(resolver=resolve) as client, pytest.raises(TimedOut):
            fetch(client, "http://slow.test/", timeout_s=0.3)
    finally:
        release.set()


def test_close_ends_a_fetch_that_waits(server: WebServer) -> None:
    """Whoever reads gets FetchAborted, long before its time is over."""
    client = GuardedClient(LOCAL)

    def close_once_held() -> None:
        server.held.wait(10)
        client.close()

    closer = threading.Thread(target=close_once_held)
    closer.start()
    with pytest.raises(FetchAborted):
        fetch(client, server.url("/hold"), timeout_s=60)
    closer.join()
