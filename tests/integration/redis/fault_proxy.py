"""A TCP proxy between a client and a server, on a unix socket or a local port,
whose faults a test switches on and off."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LOOK_EVERY_S = 0.01
_PIECE = 65_536


class Fault(Enum):
    """What happens to what passes through."""

    NONE = auto()
    DELAY = auto()  # each answer comes ``delay_s`` later
    BLACK_HOLE = auto()  # requests vanish, connections stay open
    LOSE_REPLY = auto()  # the server does its work, the answer is lost and the connection cut
    REFUSE = auto()  # connections are closed as soon as they are made


class FaultProxy:
    """One listening port, or unix socket. Thread-safe: tests set ``fault`` and ``delay_s`` at any time;
    ``connections`` counts those made.

    ``upstream`` may be changed: connections made from then on lead there. ``answers``: what the
    proxy itself answers to a request that contains the name; nothing of that request reaches the
    server. ``lose_reply_to``: of the next request that contains this, once,
    the answer is lost and the connection cut.
    """

    def __init__(
        self, upstream: Path | tuple[str, int], *, socket_file: Path | None = None
    ) -> None:
        self.fault = Fault.NONE
        self.delay_s = 0.0
        self.connections = 0
        self.lose_reply_to = b""
        self.answers: dict[bytes, bytes] = {}
        self.upstream = upstream
        self._stopping = threading.Event()
        self._cuts = 0
        self._freezes = 0
        self._doomed: set[int] = set()
        self._handlers: list[threading.Thread] = []
        if socket_file:
            self._listener = socket.create_server(str(socket_file), family=socket.AF_UNIX)
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOK_EVERY_S)
        self._acceptor = threading.Thread(target=self._accept)

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self._listener.getsockname()[1])

    def url(self, direct: str) -> str:
        """Return the URL that does through this proxy what ``direct``,
        a unix:// URL with credentials, does without."""
        credentials = urlsplit(direct).netloc.rpartition("@")[0]
        return f"redis://{credentials}@127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Close every connection that is open now."""
        self._cuts += 1

    def freeze(self) -> None:
        """Pass nothing on any more over the connections that are open now, which stay open:
        as after a laptop's sleep."""
        self._freezes += 1

    def start(self) -> None:
        """Begin to accept."""
        self._acceptor.start()

    def stop(self) -> None:
        """Close everything and wait for every thread."""
        self._stopping.set()
        for thread in (self._acceptor, *self._handlers):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            handler = threading.Thread(target=self._serve, args=(client,))
            self._handlers.append(handler)
            handler.start()

    def _serve(self, client: socket.socket) -> None:
        upstream: Any = self.upstream
        family = socket.AF_INET
        if isinstance(upstream, Path):
            upstream, family = str(upstream), socket.AF_UNIX
        with client, socket.socket(family) as server, selectors.DefaultSelector() as ready:
            if self.fault is Fault.REFUSE:
                return
            server.connect(upstream)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            cuts, freezes = self._cuts, self._freezes
            self._doomed.discard(server.fileno())
            while not self._stopping.is_set() and self._cuts == cuts:
                if self._freezes != freezes:
                    self._stopping.wait(_LOOK_EVERY_S)
                    continue
                for key, _ in ready.select(_LOOK_EVERY_S):
                    if not self._pass_on(key.fileobj, key.data, is_answer=key.fileobj is server):  # type: ignore[arg-type]
                        return

    def _pass_on(self, source: socket.socket, target: socket.socket, *, is_answer: bool) -> bool:
        """Move one piece as the fault says; False when the connection is over."""
        try:
            piece = source.recv(_PIECE)
            if not piece or (
                is_answer and (self.fault is Fault.LOSE_REPLY or source.fileno() in self._doomed)
            ):
                return False
            for name, answer in self.answers.items():
                if not is_answer and name in piece:
                    source.sendall(answer)
                    return True
            if self.lose_reply_to and self.lose_reply_to in piece:
                self.lose_reply_to = b""
                self._doomed.add(target.fileno())
            if is_answer and self.fault is Fault.DELAY:
                self._stopping.wait(self.delay_s)
            if self.fault is not Fault.BLACK_HOLE:
                target.sendall(piece)
        except OSError:
            return False
        return True


@contextmanager
def fault_proxy(
    upstream: Path | tuple[str, int], *, socket_file: Path | None = None
) -> Iterator[FaultProxy]:
    """A proxy to this server for the length of the block."""
    proxy = FaultProxy(upstream, socket_file=socket_file)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
