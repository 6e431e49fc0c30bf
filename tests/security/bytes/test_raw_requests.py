"""Any bytes at either server: an answer, never an error of ours,
never a request more than was sent."""

import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http import HTTPStatus

import pytest

from tests.e2e.service import COMMANDS, ServiceProcess
from tests.security.mutations import mutated

COUNT = int(os.environ.get("NIGHTLY_COUNT", "600"))
FIRST_SEED = int(os.environ.get("RAW_SEED", "20261128"))
TIMEOUT_S = 20
_ANSWER = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [A-Za-z -]*\r\n(?:[A-Za-z-]+: [^\r\n]*\r\n)*\r\n")
# Of what a server refuses by itself: no such coding, no such version.
_THEIRS = {501, 505}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServiceProcess]]:
    """One start of each server for all of these."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                ServiceProcess(
                    tmp_path_factory.mktemp(f"raw-{name}"), server=name, server_workers="1"
                )
            )
            for name in COMMANDS
        ]


def answer(port: int, sent: bytes) -> bytes:
    """Send the bytes, say that they are all, and return what comes back until the server closes."""
    received = b""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65_536):
            received += piece
    return received


def statuses(received: bytes) -> list[int]:
    """Return the status of each answer."""
    return [
        status for status in map(int, _ANSWER.findall(received)) if status != HTTPStatus.CONTINUE
    ]


def fault(received: bytes, sent: bytes) -> str | None:
    """Say what is wrong with the answers to these bytes."""
    found = statuses(received)
    if not found:
        return "no answer"
    if [status for status in found if status >= 500 and status not in _THEIRS]:
        return f"an error of ours: {found}"
    by_application = received.lower().count(b"\r\nvary: ")
    if by_application > max(1, sent.count(b" HTTP/1.")):
        return f"the application was asked {by_application} times"
    return None


def judged(seed: int, services: list[ServiceProcess]) -> str | None:
    """Send what this seed makes to each server;
    say what is wrong with an answer, or that they differ."""
    answers = []
    for service in services:
        sent = mutated(seed, host=service.host.encode())
        try:
            answers.append(answer(service.port, sent))
        except TimeoutError:
            return f"no end within {TIMEOUT_S} s: {sent!r}"
        if found := fault(answers[-1], sent):
            return f"seed {seed}: {found}: {sent!r}"
    lists = sorted(map(statuses, answers), key=len)
    # One may close where the other reads a body in chunks away that nobody wanted,
    # but none may see another request.
    is_same = all(each[: len(lists[0])] == lists[0] for each in lists)
    is_same &= len(lists[0]) == len(lists[-1]) or b"chunked" in sent
    return None if is_same else f"seed {seed}: {lists}: {sent!r}"


def test_bent_requests_get_the_same_answer_from_each_server_and_no_error_of_ours(
    services: list[ServiceProcess],
) -> None:
    """RAW_SEED=... starts with another one; a seed that fails is printed and makes the same bytes
    again."""
    with ThreadPoolExecutor(4) as clients:
        seeds = range(FIRST_SEED, FIRST_SEED + COUNT)
        faults = [each for each in clients.map(lambda seed: judged(seed, services), seeds) if each]
    assert faults == [], f"{len(faults)} of {COUNT} from seed {FIRST_SEED}"
    assert not [service.log for service in services if "Traceback" in service.log]
