"""Those who wait in benchmarks.streams: a child that holds thousands of connections open, counts
what they are sent, and tells when.

They come from many addresses of the loopback network, as real ones do.
"""

import select
import socket
import threading
import time
from typing import Any

import redis

from benchmarks.measuring.answers import LOAD_CORE, pin, serve
from flask_api.jobs.records import keyspace

_TIMEOUT_S = 60.0
_EACH_ADDRESS = 200
_HEAD_END = b"\r\n\r\n"


class Followers:
    """Connections that wait for what their request is answered with."""

    def __init__(self, question: dict[str, Any]) -> None:
        self._poll = select.epoll()
        self._clients: dict[int, socket.socket] = {}
        self._numbers: dict[int, int] = {}
        self._heard_at: dict[int, float] = {}
        self._marks: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._refused = 0
        for number in range(question["count"]):
            self._open(question, number)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self, question: dict[str, Any], number: int) -> None:
        address = f"127.0.{1 + number // _EACH_ADDRESS // 250}.{1 + number // _EACH_ADDRESS % 250}"
        client = socket.create_connection(
            ("127.0.0.1", question["port"]), source_address=(address, 0), timeout=_TIMEOUT_S
        )
        cookie = question["cookies"][number % len(question["cookies"])]
        path = question["paths"][number % len(question["paths"])]
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        client.sendall(request.encode())
        client.setblocking(False)
        self._clients[client.fileno()] = client
        self._numbers[client.fileno()] = number
        self._poll.register(client.fileno(), select.EPOLLIN)

    def _run(self) -> None:
        while self._clients:
            for fd, _ in self._poll.poll(0.2):
                client = self._clients.get(fd)
                if client is None:
                    continue
                data = self._read(client)
                now = time.perf_counter()
                with self._lock:
                    if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
                        self._refused += 1
                    self._heard_at[fd] = now
                    self._marks[fd] = data
                if not data:
                    self._poll.unregister(fd)

    @staticmethod
    def _read(client: socket.socket) -> bytes:
        try:
            return client.recv(65_536)
        except OSError:
            return b""

    def fan_out(self, question: dict[str, Any]) -> dict[str, Any]:
        """Write an event of one person and tell when the last of ``followers`` heard of it, each of
        ``times`` times, in ms."""
        store = redis.Redis.from_url(question["redis_url"])
        took: list[float] = []
        for number in range(question["times"]):
            mark = f"mark-{number}-{time.time_ns()}".encode()
            with self._lock:
                self._marks.clear()
            began = time.perf_counter()
            event = b'{"event": "report", "text": "' + mark + b'"}'
            store.xadd(keyspace.events(question["person"]), {"job": "j", "event": event})
            took.append((self._await(mark, question["followers"]) - began) * 1000)
            time.sleep(question["pause_s"])
        return {"took_ms": took, "refused": self._refused}

    def answered(self, question: dict[str, Any]) -> dict[str, Any]:
        """Tell when the last of those of one person was answered, on the machine's clock."""
        person, people = question["person"], question["people"]
        mine = [fd for fd, number in self._numbers.items() if number % people == person]
        deadline = time.perf_counter() + _TIMEOUT_S
        while time.perf_counter() < deadline:
            with self._lock:
                heard = [self._heard_at[fd] for fd in mine if fd in self._heard_at]
            if len(heard) == len(mine):
                return {"at": max(heard)}
            time.sleep(0.005)
        return {"at": float("inf")}

    def _await(self, mark: bytes, followers: int) -> float:
        deadline = time.perf_counter() + 10
        while time.perf_counter() < deadline:
            with self._lock:
                heard = [self._heard_at[fd] for fd, data in self._marks.items() if mark in data]
            if len(heard) >= followers:
                return max(heard)
            time.sleep(0.0005 if followers < 10 else 0.02)
        return float("inf")

    def close(self) -> dict[str, Any]:
        """Hang up; return how many there were and how many were refused."""
        found = {"opened": len(self._heard_at), "refused": self._refused}
        clients, self._clients = self._clients, {}
        self._thread.join()
        for client in clients.values():
            client.close()
        return found


class _Child:
    def __init__(self) -> None:
        self._followers: Followers | None = None

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked: open, fan_out, answered or close."""
        do = question.pop("do")
        if do == "open":
            self._followers = Followers(question)
            return {}
        assert self._followers is not None
        if do == "close":
            return self._followers.close()
        return (
            self._followers.fan_out(question)
            if do == "fan_out"
            else self._followers.answered(question)
        )


if __name__ == "__main__":
    pin(LOAD_CORE)
    serve(_Child().answer)
