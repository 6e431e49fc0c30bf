"""The load: requests over a few kept-alive connections, by raw sockets,
so that it costs little beside any server.

Run by benchmarks.gate as a child; every answer is read whole and its status checked.
"""

import select
import socket
import time
from typing import Any

from benchmarks.measuring.answers import LOAD_CORE, pin, serve
from benchmarks.measuring.context import USER_AGENT

_TIMEOUT_S = (
    60.0  # servers that start are waited for: what is measured begins after the first answers
)
_WARM_UP_SHARE = 0.15


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Ask ``path`` of ``port`` for ``seconds``;
    return the requests answered, the time, and the load's own share of it.

    With a ``body``, of JSON, it is a POST; ``headers`` are more of them. A 503 to a POST is not
    counted as an answer: the server's Redis did not answer in time, because the machine was busy.
    """
    request = _request(
        question["path"], question["cookie"], question.get("headers", {}), question.get("body")
    )
    clients = {}
    for _ in range(question["connections"]):
        client = socket.create_connection(("127.0.0.1", question["port"]), timeout=_TIMEOUT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = client
    try:
        _run(clients, request, question["seconds"] * _WARM_UP_SHARE)
        busy_from, began = time.process_time(), time.perf_counter()
        requests = _run(clients, request, question["seconds"])
        elapsed_s = time.perf_counter() - began
        return {
            "requests": requests,
            "elapsed_s": elapsed_s,
            "load_share": (time.process_time() - busy_from) / elapsed_s,
        }
    finally:
        for client in clients.values():
            client.close()


def _run(clients: dict[int, socket.socket], request: bytes, seconds: float) -> int:
    """Keep one request under way on every connection until the time is over;
    return how many were answered."""
    poller = select.poll()
    for client in clients.values():
        poller.register(client, select.POLLIN)
        client.sendall(request)
    answered, pending, deadline = 0, len(clients), time.perf_counter() + seconds
    while pending:
        ready = poller.poll(_TIMEOUT_S * 1000)
        if not ready:
            raise TimeoutError("the server does not answer")
        for number, _ in ready:
            answered += _read_answer(clients[number], may_refuse=request.startswith(b"POST"))
            if time.perf_counter() < deadline:
                clients[number].sendall(request)
            else:
                pending -= 1
    return answered


def _read_answer(client: socket.socket, *, may_refuse: bool) -> bool:
    """Read one answer whole; False for a 503 that may be.
    Raises RuntimeError for what was not asked for."""
    data = client.recv(65_536)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(client)
    head = data[:end].lower()
    is_refused = may_refuse and head.startswith(b"http/1.1 503")
    if not (is_refused or head.startswith(b"http/1.1 2")):
        raise RuntimeError(f"not the answer that was asked for: {data[:300]!r}")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)  # none: a 204
    while len(data) < end + 4 + length:
        data += _more(client)
    return not is_refused


def _more(client: socket.socket) -> bytes:
    data = client.recv(65_536)
    if not data:
        raise RuntimeError("the server closed a connection in the middle of an answer")
    return data


def _request(path: str, cookie: str, headers: dict[str, str], body: str | None) -> bytes:
    lines = ["Host: localhost", f"User-Agent: {USER_AGENT}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    first = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1"
    return "\r\n".join([first, *lines, "", body or ""]).encode()


if __name__ == "__main__":
    pin(LOAD_CORE)
    serve(measure)
