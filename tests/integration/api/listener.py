"""A client of event streams: keeps the connection in a thread,
and reads the wire format with a parser of its own."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.waiting import wait_until

TIMEOUT_S = 20


@dataclass(frozen=True)
class Told:
    """One event as a client sees it; ``id`` is the id in force, as a browser keeps it."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass
class Wire:
    """What came so far."""

    events: list[Told] = field(default_factory=list)
    comments: int = 0
    retry_ms: int | None = None
    last_id: str = ""


class Listener:
    """One stream. ``status`` and ``headers`` are there at once;
    for a refusal ``problem`` is its body."""

    def __init__(
        self, address: str, path: str, *, headers: dict[str, str], reads: bool = True
    ) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=TIMEOUT_S
        )
        self._connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        assert self._connection.sock is not None
        self._socket: socket.socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.headers = self._answer.headers
        self.wire = Wire()
        self.problem: dict[str, Any] = (
            {} if self.status == 200 else json.loads(self._answer.read() or b"{}")
        )
        self._thread = threading.Thread(target=self._read)
        if reads and self.status == 200:
            self.read()

    @property
    def events(self) -> list[Told]:
        """The events so far."""
        return list(self.wire.events)

    @property
    def has_ended(self) -> bool:
        """Tell whether the server ended the stream, and all of it was read."""
        return not self._thread.is_alive()

    def read(self) -> None:
        """Begin to read."""
        self._thread.start()

    def kinds(self) -> list[str]:
        """Return the events' kinds."""
        return [event.kind for event in self.events]

    def statuses(self) -> list[tuple[str, str]]:
        """Return job and status of each status event."""
        return [
            (event.data["job"], event.data["status"])
            for event in self.events
            if event.kind == "status"
        ]

    def statuses_of(self, job: str) -> list[str]:
        """Return what became of one job. Whether it was queued first or begun at once is the
        engine's business."""
        return [
            status
            for name, status in self.statuses()
            if (name, status) != (job, "queued") and name == job
        ]

    def wait_for(self, kind: str, *, count: int = 1, timeout_s: float = 10.0) -> Told:
        """Wait for the so many-th event of this kind, and return it."""
        what = f"{count} x {kind}"
        try:
            wait_until(lambda: self.kinds().count(kind) >= count, timeout_s=timeout_s, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.events}") from None
        return [event for event in self.events if event.kind == kind][count - 1]

    def wait_for_end(self, *, timeout_s: float = 10.0) -> list[Told]:
        """Wait until the server has ended the stream; return all events."""
        wait_until(
            lambda: self.has_ended, timeout_s=timeout_s, what=f"the stream has ended: {self.events}"
        )
        return self.events

    def hang_up(self) -> None:
        """Close the connection, as a browser does that leaves the page."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join()
        self._answer.close()
        self._connection.close()
        self._socket.close()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with suppress(OSError, http.client.HTTPException, ValueError):
            while line := self._answer.readline():
                text = line.decode().removesuffix("\n")
                if text:
                    self._take(text, fields)
                elif fields:
                    self.wire.events.append(
                        Told(self.wire.last_id, fields["event"], json.loads(fields["data"]))
                    )
                    fields.clear()

    def _take(self, text: str, fields: dict[str, str]) -> None:
        name, _, value = text.partition(": ")
        if name == "":
            self.wire.comments += 1
        elif name == "retry":
            self.wire.retry_ms = int(value)
        elif name == "id":
            self.wire.last_id = value
        else:
            assert name in ("event", "data"), text
            fields[name] = value


class Listeners:
    """Opens streams at one address and closes them all at the end."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._open: list[Listener] = []

    def open(
        self,
        path: str,
        *,
        cookie: str = "",
        key: str = "",
        last_event_id: str | None = None,
        reads: bool = True,
    ) -> Listener:
        """Open a stream with a session or a key."""
        headers = {"Cookie": f"sessionid={cookie}"} if cookie else {}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Last-Event-ID": last_event_id} if last_event_id is not None else {}
        listener = Listener(self._address, path, headers=headers, reads=reads)
        self._open.append(listener)
        return listener

    def close(self) -> None:
        """Hang up every stream."""
        for listener in self._open:
            listener.hang_up()


@contextmanager
def listeners(address: str) -> Iterator[Listeners]:
    """Streams of one address, closed at the end of the block."""
    opened = Listeners(address)
    try:
        yield opened
    finally:
        opened.close()
