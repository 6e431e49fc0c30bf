"""An answer that a thread of somebody else's server waits for."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest
from werkzeug.serving import make_server

from shared.http.parking import InThread, Pause, Place, close_forgotten
from tests.waiting import wait_until

_ANSWERS = 20


class Held(Pause):
    """A pause whose place a test sends on."""

    def __init__(self) -> None:
        super().__init__(until=inf)
        self.place: Place | None = None

    def begin(self, place: Place) -> None:
        """See Pause.begin."""
        self.place = place


@pytest.fixture
def closed() -> list[bool]:
    """One item for each time an answer was closed."""
    return []


@contextmanager
def _served(answer: Sequence[bytes | Pause], closed: list[bool]) -> Iterator[int]:
    """Have werkzeug's server give the answer to each who asks; yield its port."""

    def app(_environ: Any, start_response: Any) -> InThread:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return InThread(answer, {}, close=lambda: closed.append(True))

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _asked(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        yield client


def test_answer_whose_client_has_left_is_closed(closed: list[bool]) -> None:
    """By its server, whose write fails."""
    held = Held()
    with _served([b"begun", held], closed) as port:
        with _asked(port):
            wait_until(lambda: held.place, timeout_s=10, what="the answer waits")
        place = held.place
        assert place is not None
        wait_until(lambda: closed or not place.send(b"more"), timeout_s=10, what="it is closed")
    close_forgotten()
    assert closed == [True]


def test_answer_that_its_server_forgets_is_closed_once(closed: list[bool]) -> None:
    """werkzeug's reads on after the end, and closes nothing where that fails: of a client that
    leaves with a part unread."""
    with _served([b"all of it"], closed) as port:
        for _ in range(_ANSWERS):
            with _asked(port) as client:
                client.recv(1)

        def are_closed() -> bool:
            close_forgotten()
            return len(closed) >= _ANSWERS

        wait_until(are_closed, timeout_s=10, what="all are closed")
    close_forgotten()
    assert len(closed) == _ANSWERS


def test_answer_that_is_closed_is_not_closed_again(closed: list[bool]) -> None:
    """By its server, twice, and as it goes."""
    answer = InThread(iter([b"x"]), {}, close=lambda: closed.append(True))
    assert list(answer) == [b"x"]
    answer.close()
    answer.close()
    del answer
    close_forgotten()
    assert closed == [True]
