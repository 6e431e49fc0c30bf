"""Jobs of one person for benchmarks.pages: a child that submits them one by one over a few
kept-alive connections, each as a script would.

One in ten fails. One in a thousand has a word in its arguments that others lack.
"""

import json
import select
import socket
import time
from typing import Any

from benchmarks.measuring.answers import LOAD_CORE, pin, serve
from benchmarks.measuring.http_answers import read_answer

WORD = "chrysanthemum"
_TIMEOUT_S = 60.0
_PAUSE_S = 0.5
_WORD_EVERY = 1000


def submit(question: dict[str, Any]) -> dict[str, Any]:
    """Submit ``count`` jobs; return how many requests that took: what is refused because too much
    waits is sent again."""
    poller, clients, under_way = select.poll(), {}, {}
    for _ in range(min(question["connections"], question["count"])):
        client = socket.create_connection(("127.0.0.1", question["port"]), timeout=_TIMEOUT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = client
        poller.register(client, select.POLLIN)
    left, requests = list(range(question["count"])), 0
    try:
        for at, client in clients.items():
            under_way[at] = left.pop()
            client.sendall(_request(question["cookie"], under_way[at]))
        while under_way:
            ready = poller.poll(_TIMEOUT_S * 1000)
            if not ready:
                raise TimeoutError("the server does not answer")
            for at, _ in ready:
                requests += 1
                number = under_way.pop(at)
                if not _is_accepted(clients[at]):
                    left.append(number)
                    time.sleep(_PAUSE_S)  # so many wait: whoever runs them has the processor
                if left:
                    under_way[at] = left.pop()
                    clients[at].sendall(_request(question["cookie"], under_way[at]))
                else:
                    poller.unregister(at)
    finally:
        for client in clients.values():
            client.close()
    return {"requests": requests}


def _request(cookie: str, number: int) -> bytes:
    note = f"{WORD} {number}" if number % _WORD_EVERY == 0 else f"as every day {number}"
    body = json.dumps(
        {"task": "bench.page_job", "arguments": {"number": number, "note": note}}
    ).encode()
    head = (
        "POST /api/jobs HTTP/1.1",
        "Host: localhost",
        f"Cookie: {cookie}",
        "Sec-Fetch-Site: same-origin",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def _is_accepted(client: socket.socket) -> bool:
    status, data = read_answer(client)
    if status not in (202, 429, 503):
        raise RuntimeError(f"not the answer that was asked for: {data[:300]!r}")
    return status == 202


if __name__ == "__main__":
    pin(LOAD_CORE)
    serve(submit)
