"""An HTTP server on this machine that answers as a test wrote down:
what stands where Gatehouse should be."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Page:
    """One answer. ``cut``: so many bytes of the body are promised beyond what is sent."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class OddServer(ThreadingHTTPServer):
    """Answers with each page once, with the last one again and again."""

    daemon_threads = False

    def __init__(self, pages: tuple[Page, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = list(pages)
        self.asked: list[Asked] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: OddServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        page = self.server.pages.pop(0) if len(self.server.pages) > 1 else self.server.pages[0]
        text = page.body.encode()
        self.send_response(page.status)
        for name, value in {
            "Content-Type": "text/html",
            "Connection": "close",
            **page.headers,
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text) + page.cut))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = _answer  # noqa: N815  # the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def odd_server(*pages: Page) -> Iterator[OddServer]:
    """Serve these pages for the length of the block."""
    server = OddServer(pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
