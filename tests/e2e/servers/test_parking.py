"""Answers that pause: one suite for both servers, which hold no thread meanwhile,
and for a server that knows nothing of it."""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.settings import ROOT
from tests.e2e.servers.pausing_app import LINE, LINES
from tests.ports import free_port
from tests.waiting import wait_until

PARKING_SERVERS = ("cherrypy", "gunicorn")
CROWD = 300


class Bench:
    """One server, and clients that write what they like."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server = server
        self.port = free_port()
        self.log = folder / f"{server}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.servers.pausing_app", server, str(self.port)],
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )
        wait_until(self._is_up, timeout_s=30, what="the server answers")

    def client(self, *, source: str = "127.0.0.1") -> "Client":
        """Connect."""
        return Client(self.port, source)

    def ask(self, path: str) -> dict[str, Any]:
        """Return a JSON answer, of a connection of its own."""
        with self.client() as client:
            client.get(path)
            found: dict[str, Any] = json.loads(client.answer())
            return found

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            is_started = self.server != "cherrypy" or "STARTED" in self.log.read_text()
            return is_started and "open" in self.ask("/counts")
        return False

    def close(self) -> None:
        """Kill what is left."""
        self.process.kill()
        self.process.wait()


class Client:
    """A connection, and what came of it."""

    def __init__(self, port: int, source: str) -> None:
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=10, source_address=(source, 0)
        )
        self.file = self.socket.makefile("rb")

    def get(self, path: str, *, version: str = "1.1") -> None:
        """Send a request."""
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())

    def head(self) -> dict[str, str]:
        """Read the head of an answer; the status is under its empty name."""
        status = self.file.readline().decode().split(" ")[1]
        fields = iter(lambda: self.file.readline().decode().strip(), "")
        pairs = (field.split(": ", 1) for field in fields)
        return {"": status, **{name.lower(): value for name, value in pairs}}

    def chunk(self) -> bytes:
        """Read one chunk of a body."""
        data = self.file.read(int(self.file.readline(), 16))
        assert self.file.readline() == b"\r\n"
        return data

    def answer(self) -> bytes:
        """Read a whole answer."""
        head = self.head()
        assert head[""] == "200", head
        if "content-length" in head:
            return self.file.read(int(head["content-length"]))
        if head.get("transfer-encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        return self.file.read()

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture(scope="module", params=[*PARKING_SERVERS, "threads"])
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """One server for the module."""
    bench = Bench(request.param, tmp_path_factory.mktemp("parking"))
    yield bench
    bench.close()
    assert "Traceback" not in bench.log.read_text()


# What a server that keeps a thread for each can't is not asked of it.
parks = pytest.mark.parametrize("bench", PARKING_SERVERS, indirect=True)


def waits(bench: Bench, count: int) -> None:
    """Return when so many answers pause."""
    wait_until(lambda: bench.ask("/counts")["waiting"] == count, timeout_s=10, what="they wait")


def test_answer_goes_on_when_its_place_is_resumed(bench: Bench) -> None:
    """And the connection is kept for the next request, which may wait again."""
    with bench.client() as client:
        for _ in range(2):
            client.get("/pause")
            waits(bench, 1)
            assert bench.ask("/counts")["open"] == 1
            bench.ask("/go")
            assert client.answer() == b"after"
            if bench.server == "threads":  # it closes after each
                return
        client.get("/counts")
        assert json.loads(client.answer())["open"] == 0


@parks
@pytest.mark.parametrize("status", ["204", "304"])
def test_answer_that_has_no_body_is_sent_without_one(bench: Bench, status: str) -> None:
    """Whatever the application says: the next answer begins where it ends."""
    with bench.client() as client:
        client.get(f"/bare?{status}")
        assert client.head()[""] == status
        client.get("/counts")
        assert "open" in json.loads(client.answer())


def test_pause_ends_at_its_time(bench: Bench) -> None:
    """Nobody has to end it."""
    began = time.monotonic()
    with bench.client() as client:
        client.get("/until")
        assert client.answer() == b"in time"
    assert 0.4 < time.monotonic() - began < 5
    bench.ask("/go")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_what_is_sent_in_a_pause_comes_at_once(bench: Bench, version: str) -> None:
    """Framed as the body is: in chunks, or as it is until the connection ends."""
    with bench.client() as client:
        client.get("/stream", version=version)
        is_chunked = client.head().get("transfer-encoding") == "chunked"
        assert is_chunked is (version == "1.1" and bench.server != "threads")
        read = client.chunk if is_chunked else client.file.readline
        assert read() == b"first\n"
        waits(bench, 1)
        for text in (b"one", b"two"):
            bench.ask(f"/say?{text.decode()}")
            assert read() == text + b"\n"
        bench.ask("/go")
        assert read() == b"last\n"
        assert read() == b""


@parks
def test_what_comes_behind_a_parked_request_has_its_turn(bench: Bench) -> None:
    """A second request is answered after the first; what is none is refused then, not before."""
    with bench.client() as client:
        client.get("/pause")
        client.get("/until")
        client.socket.sendall(b"garbage\r\n\r\n")
        waits(bench, 1)
        bench.ask("/go")
        assert client.answer() == b"after"
        assert client.answer() == b"in time"
        assert client.head()[""] == "400"
    bench.ask("/go")


@parks
def test_client_that_left_is_noticed(bench: Bench) -> None:
    """Its answer is closed soon, whatever it had sent before."""
    clients = [bench.client() for _ in range(20)]
    for number, client in enumerate(clients):
        client.get("/pause" if number % 2 else "/stream")
        if number % 3 == 0:
            client.socket.sendall(b"and more")
    waits(bench, 20)
    for client in clients:
        client.close()
    wait_until(lambda: bench.ask("/counts")["open"] == 0, timeout_s=5, what="all are closed")
    bench.ask("/go")


@parks
def test_clients_that_reset_at_once_are_no_news(bench: Bench) -> None:
    """Some before they are accepted: nobody else notices, and nothing is logged
    (see the fixture)."""
    for number in range(200):
        client = bench.client()
        reset = struct.pack("ii", 1, 0)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        if number % 2:
            client.get("/pause")
        client.close()
    wait_until(lambda: bench.ask("/counts")["open"] == 0, timeout_s=15, what="all are closed")
    bench.ask("/go")


@parks
def test_slow_reader_gets_every_byte_in_order(bench: Bench) -> None:
    """The answer goes on where the client took no more for a while."""
    with bench.client() as client:
        client.get("/flood")
        client.head()
        wait_until(lambda: bench.ask("/counts")["open"] == 1, timeout_s=5)
        body = b"".join(iter(client.chunk, b""))
    first, *rest = body.split(b"\n")
    flood = [line for line in rest if line.startswith(b"x")]
    assert first == b"begin"
    assert set(flood) == {b"x" * 8192}
    assert rest[len(flood) : -1] == [(LINE % number)[:-1] for number in range(LINES)]


@parks
def test_reader_of_nothing_is_given_up(bench: Bench) -> None:
    """After ten seconds without a byte taken; nobody else notices."""
    with bench.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.get("/flood")
        wait_until(lambda: bench.ask("/counts")["open"] == 1, timeout_s=5)
        wait_until(lambda: bench.ask("/counts")["open"] == 0, timeout_s=30, what="it is closed")


@parks
def test_crowd_that_waits_costs_no_thread(bench: Bench) -> None:
    """Hundreds wait; the server, of four threads, has as many as before, and answers."""
    before = bench.ask("/counts")["threads"]
    clients = [bench.client(source=f"127.0.0.{2 + number % 8}") for number in range(CROWD)]
    for client in clients:
        client.get("/pause")
    waits(bench, CROWD)
    assert bench.ask("/counts")["threads"] <= before + 2
    bench.ask("/go")
    assert {client.answer() for client in clients} == {b"after"}
    for client in clients:
        client.close()
    wait_until(lambda: bench.ask("/counts")["open"] == 0, timeout_s=5, what="all are closed")


@pytest.mark.parametrize("server", PARKING_SERVERS)
def test_server_that_stops_lets_go_of_all(server: str, tmp_path: Path) -> None:
    """Even where nobody ends the pauses: the clients see an end, and the process is gone in time."""
    bench = Bench(server, tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(bench.close)
        clients = [stack.enter_context(bench.client()) for _ in range(20)]
        for client in clients:
            client.get("/pause")
        waits(bench, 20)
        bench.process.terminate()
        assert {client.file.read() for client in clients} == {b""}
        assert bench.process.wait(20) == 0
