"""Whether an address can be listened on is judged as the server does it."""

import errno
import socket

import pytest

from deploy.listening import try_to_listen
from tests.ports import free_port

_ELSEWHERE = "203.0.113.1"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that every name has."""
    addresses: list[str] = []

    def getaddrinfo(_host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, port))
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return addresses


def test_name_with_one_address_that_is_ours_is_listened_on(resolved: list[str]) -> None:
    """The server takes the first that it can bind: localhost may be ::1 first where there is no
    IPv6."""
    resolved += [_ELSEWHERE, "127.0.0.1"]
    try_to_listen("some-name", free_port())


def test_name_without_an_address_of_ours_is_refused(resolved: list[str]) -> None:
    """None of them can be bound."""
    resolved += [_ELSEWHERE, "203.0.113.2"]
    with pytest.raises(OSError, match="assign requested address"):
        try_to_listen("some-name", free_port())


def test_port_in_use_at_one_address_is_in_use(resolved: list[str]) -> None:
    """CherryPy starts nothing then: who asks for the name would be answered by another server."""
    resolved += ["127.0.0.1", "127.0.0.2"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use") as caught:
            try_to_listen("some-name", other.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


def test_name_that_can_be_none_is_refused_as_unknown() -> None:
    """An empty label has no form on the wire: Python raises what is no OSError."""
    with pytest.raises(OSError, match="not known"):
        try_to_listen("a..b", free_port())
