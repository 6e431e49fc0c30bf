"""How long do requests take? A child that asks one path over a few kept-alive connections and times
every answer."""

import select
import socket
import time
from statistics import quantiles
from typing import Any

from benchmarks.measuring.answers import LOAD_CORE, pin, serve
from benchmarks.measuring.http_answers import read_answer

_TIMEOUT_S = 30.0


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Ask ``path`` of ``port`` for ``seconds``, always one request under way on each connection;
    return times in ms."""
    request = f"GET {question['path']} HTTP/1.1\r\nHost: localhost\r\nCookie: {question['cookie']}\r\n\r\n".encode()
    clients = [
        socket.create_connection(("127.0.0.1", question["port"]), timeout=_TIMEOUT_S)
        for _ in range(question["connections"])
    ]
    try:
        times_ms = _times_ms(
            {client.fileno(): client for client in clients}, request, question["seconds"]
        )
    finally:
        for client in clients:
            client.close()
    cuts = quantiles(times_ms, n=100)
    return {
        "requests": len(times_ms),
        "seconds": question["seconds"],
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "max_ms": max(times_ms),
    }


def _times_ms(clients: dict[int, socket.socket], request: bytes, seconds: float) -> list[float]:
    poller = select.poll()
    asked_at: dict[int, float] = {}
    times_ms: list[float] = []
    for number, client in clients.items():
        poller.register(client, select.POLLIN)
        asked_at[number] = time.perf_counter()
        client.sendall(request)
    deadline = time.perf_counter() + seconds
    while asked_at:
        ready = poller.poll(_TIMEOUT_S * 1000)
        if not ready:
            raise TimeoutError("the server does not answer")
        for number, _ in ready:
            is_answered = _is_answered(clients[number])
            now = time.perf_counter()
            if not is_answered and now < deadline + _TIMEOUT_S:
                clients[number].sendall(request)  # as a client does; its time goes on
                continue
            times_ms.append((now - asked_at.pop(number)) * 1000)
            if now < deadline:
                asked_at[number] = now
                clients[number].sendall(request)
    return times_ms


def _is_answered(client: socket.socket) -> bool:
    """Read an answer; False for a 503, of a busy machine whose Redis is late."""
    status, data = read_answer(client)
    if status not in (200, 503):
        raise RuntimeError(f"not the answer that was asked for: {data[:300]!r}")
    return status == 200


if __name__ == "__main__":
    pin(LOAD_CORE)
    serve(measure)
