"""A site that is gone when the command logs out: what was done before is done, and is told."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from shared.contract.api_keys import is_key
from tests.cli.command import Home
from tests.cli.people import PASSWORD, new_person
from tests.e2e.service import ServiceProcess
from tests.integration.redis.fault_proxy import FaultProxy, fault_proxy

LOG_OUT = b"GET /accounts/logout/"
GARBLED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"


@pytest.fixture(scope="module")
def person(service: ServiceProcess) -> tuple[str, ...]:
    """The words for somebody with a password only."""
    new_person(service, "hedy")
    return ("--username", "hedy", "--password-stdin")


@pytest.fixture
def line(service: ServiceProcess) -> Iterator[FaultProxy]:
    """The line to the service, which breaks when the command logs out."""
    parts = urlsplit(service.address)
    assert parts.hostname
    assert parts.port
    with fault_proxy((parts.hostname, parts.port)) as line:
        line.lose_reply_to = LOG_OUT
        yield line


def address_of(line: FaultProxy) -> str:
    """The service's address, over this line."""
    return f"http://127.0.0.1:{line.port}"


def names_of_keys(home: Home, service: ServiceProcess, person: tuple[str, ...]) -> list[str]:
    """The names of the person's live keys."""
    listed = home.run("keys", "list", "--at", service.address, *person, "--json", stdin=PASSWORD)
    return sorted(json.loads(each)["name"] for each in listed.out.splitlines())


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", GARBLED])
def test_key_that_was_made_is_shown(
    line: FaultProxy, person: tuple[str, ...], stranger: Home, answer: bytes
) -> None:
    """It is shown this once: nobody could ask for it again."""
    if answer:
        line.answers[LOG_OUT] = answer
    at = ("--at", address_of(line), *person)
    made = stranger.run("keys", "create", "once", *at, stdin=PASSWORD)
    assert (made.code, is_key(made.out.strip())) == (0, True), made
    assert "is valid until" in made.line
    assert line.lose_reply_to == (LOG_OUT if answer else b"")


def test_key_that_was_made_is_shown_before_the_log_out_is_answered(
    line: FaultProxy, person: tuple[str, ...], stranger: Home
) -> None:
    """Who stops a command that seems to hang has the key."""
    line.answers[LOG_OUT] = b""  # never
    words = ("keys", "create", "soon", "--at", address_of(line), *person[:2])
    with stranger.on_terminal(*words) as terminal:
        terminal.wait_for("Password of hedy: ")
        terminal.type(f"{PASSWORD}\n")
        terminal.wait_for("It is not shown again.")
        terminal.type("\x03")
        assert terminal.wait_for_end() == 130
        shown = terminal.text.split()
    assert any(is_key(word) for word in shown)


def test_revoked_key_is_told_as_such(
    service: ServiceProcess, line: FaultProxy, person: tuple[str, ...], stranger: Home
) -> None:
    """And a key that can't be revoked is told as that, not as a line that broke."""
    there = ("--at", service.address, *person)
    made = stranger.run("keys", "create", "short-lived", *there, "--json", stdin=PASSWORD)
    key_id = json.loads(made.out)["id"]
    for code, said in (
        (0, f"The key {key_id} is revoked."),
        (1, "gatehouse: You have no such key."),
    ):
        line.lose_reply_to = LOG_OUT
        at = ("--at", address_of(line), *person)
        done = stranger.run("keys", "revoke", key_id, *at, stdin=PASSWORD)
        assert (done.code, done.line) == (code, said)
        assert line.lose_reply_to == b""


def test_login_ends_as_it_does_otherwise(
    service: ServiceProcess, line: FaultProxy, person: tuple[str, ...], stranger: Home
) -> None:
    """The key is kept, the one of before is revoked, and the log-in is told."""
    log_in = ("login", address_of(line), *person, "--json")
    for name in ("machine, before", "machine, now"):
        line.lose_reply_to = LOG_OUT
        done = stranger.run(*log_in, "--name", name, stdin=PASSWORD)
        assert (done.code, line.lose_reply_to) == (0, b""), done
        assert json.loads(done.out)["key_name"] == name
        assert done.line.startswith("Logged in at ")
    mine = [name for name in names_of_keys(stranger, service, person) if "machine" in name]
    assert mine == ["machine, now"]
    assert stranger.run("logout").code == 0


def test_key_that_can_be_neither_kept_nor_revoked_is_told_with_the_reason(
    service: ServiceProcess, line: FaultProxy, person: tuple[str, ...], stranger: Home
) -> None:
    """Why it can't be kept is what its owner can mend; that it may still work is said beside it."""
    line.answers[b"DELETE /account/keys/"] = b"nonsense\r\n\r\n"
    (stranger.folder / "config").write_text("in the way")
    log_in = ("login", address_of(line), "--name", "left behind", *person)
    done = stranger.run(*log_in, stdin=PASSWORD)
    left, reason = done.err.splitlines()
    assert (done.code, done.out, "can't be written" in reason) == (4, "", True), done
    assert f"may still work: revoke it at {address_of(line)}/account/keys/" in left
    assert "left behind" in names_of_keys(stranger, service, person)
