"""Many calls of one client wait at once: each for the service, none for the others."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gatehouse import AsyncClient

MANY = 150
ME = json.dumps({"id": "1", "username": "ada", "email": "", "is_staff": False}).encode()


class _Together(ThreadingHTTPServer):
    """Answers when so many have asked."""

    daemon_threads = False
    request_queue_size = MANY

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.all_asked = threading.Barrier(MANY)


class _Handler(BaseHTTPRequestHandler):
    server: _Together

    def do_GET(self) -> None:  # the library's name
        """Wait for the others."""
        try:
            self.server.all_asked.wait(timeout=20)
        except threading.BrokenBarrierError:
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ME)))
        self.end_headers()
        self.wfile.write(ME)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where such a server is."""
    server = _Together()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_many_calls_wait_for_the_service_at_once(address: str) -> None:
    """Of a hundred and fifty none is said to have found nobody because the others wait."""

    async def run() -> list[str]:
        async with AsyncClient(address, "gh_x", timeout_s=10, patience_s=0) as client:
            return [me.username for me in await asyncio.gather(*(client.me() for _ in range(MANY)))]

    assert asyncio.run(run()) == ["ada"] * MANY
