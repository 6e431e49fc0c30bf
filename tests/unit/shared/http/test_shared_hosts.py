"""Which hosts are served: what Django says, for both sides,
with one line in the log however many are refused."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from django.http.request import split_domain_port, validate_host
from hypothesis import given
from hypothesis import strategies as st

from shared.http.edge import Edge
from shared.http.hosts import is_served
from shared.settings import ContractSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ALLOWED = ("a.example", ".example.org", "127.0.0.1", "[::1]")
PARTS = [
    "a",
    "example",
    "org",
    ".",
    ":",
    "80",
    "[::1]",
    "[",
    "]",
    "127.0.0.1",
    "A",
    "@",
    " ",
    "ä",
    "_",
    "::1",
    "-",
    "/",
    ".example.org",
]


@pytest.mark.parametrize(
    ("host", "served"),
    [
        *[
            (host, True)
            for host in (
                "a.example",
                "A.Example:80",
                "a.example.",
                "example.org",
                "x.y.example.org:1",
                "[::1]:8080",
            )
        ],
        *[
            (host, False)
            for host in (
                "",
                "b.example",
                "a.example:x",
                "a.example@evil",
                "badexample.org",
                "[::2]",
                "a.example/",
                "*",
            )
        ],
    ],
)
def test_host_is_served_by_name_whatever_its_port(host: str, *, served: bool) -> None:
    """A point before a name means all below it, too."""
    assert is_served(host, ALLOWED) is served


@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
def test_host_is_served_when_django_says_so(host: str) -> None:
    """Nothing that Django refuses is served, nothing that it serves is refused."""
    domain, _ = split_domain_port(host)
    assert is_served(host, ALLOWED) == bool(domain and validate_host(domain, ALLOWED))


def hello(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Be the application."""
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


def asked(edge: Edge, **environ: str) -> str:
    """Return the status of a request with this environ."""
    statuses: list[str] = []
    list(
        edge(
            {"PATH_INFO": "/x", "REMOTE_ADDR": "192.0.2.1", **environ},
            lambda status, *_: statuses.append(status),  # type: ignore[arg-type]
        )
    )
    return statuses[0]


def edge_at(now: list[float], *, trusted_proxy: bool = False) -> Edge:
    """Return an edge with a clock."""
    settings = ContractSettings(
        session_secrets=("x" * 32,), allowed_hosts=ALLOWED, trusted_proxy=trusted_proxy
    )
    return Edge(hello, settings, open_paths=("/health",), clock=lambda: now[0])


def test_refused_host_is_400_unless_a_probe_asks(caplog: pytest.LogCaptureFixture) -> None:
    """A probe asks by address; X-Forwarded-Host is nobody's word;
    the log has one line in ten seconds, with their number."""
    now = [0.0]
    edge = edge_at(now)
    caplog.set_level(logging.WARNING)
    assert asked(edge, HTTP_HOST="a.example") == "200 OK"
    assert (
        asked(edge, HTTP_HOST="evil.example", PATH_INFO="/health", SCRIPT_NAME="/mounted")
        == "200 OK"
    )
    refused = [
        asked(edge, HTTP_HOST="evil\nexample", HTTP_X_FORWARDED_HOST="a.example") for _ in range(50)
    ]
    now[0] = 11.0
    refused.append(asked(edge))
    assert set(refused) == {"400 Bad Request"}
    assert [record.__dict__["refused"] for record in caplog.records] == [1, 50]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"HTTP_X_FORWARDED_FOR": "1.1.1.1"}, "X-Forwarded-For keeps coming"),
        ({"REMOTE_ADDR": ""}, "Unix socket"),
    ],
)
def test_proxy_that_is_not_believed_is_named_once(
    caplog: pytest.LogCaptureFixture, environ: dict[str, str], words: str
) -> None:
    """The line names the setting."""
    edge = edge_at([0.0])
    for _ in range(100):
        asked(edge, HTTP_HOST="a.example", **environ)
    (line,) = [record.getMessage() for record in caplog.records]
    assert words in line
    assert "GATEHOUSE_TRUSTED_PROXY" in line


def test_trusted_proxy_that_sends_no_address_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Over a Unix socket there is no other; with an address all is well."""
    edge = edge_at([0.0], trusted_proxy=True)
    asked(edge, HTTP_HOST="a.example", REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="192.0.2.1")
    assert not caplog.records
    asked(edge, HTTP_HOST="a.example", REMOTE_ADDR="")
    (line,) = [record.getMessage() for record in caplog.records]
    assert "which must send one" in line
