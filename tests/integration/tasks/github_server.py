"""A small server that speaks as GitHub's REST API does, for public repositories;
it counts, limits and breaks on request."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIX = "/api/v3"  # as GitHub Enterprise has it

# What a repository answers instead of its languages: a status, a body, headers.
Odd = tuple[int, bytes, dict[str, str]]


class GithubServer(ThreadingHTTPServer):
    """Serves ``repositories`` (name: languages) of the owner ``octo``, ``page_size`` at a time.

    ``odd``: repositories that answer something else. ``refusals``: answers to give before anything
    else, first to last. ``hold_at``: the name of a repository whose answer waits until ``go``.
    ``next_link``: leads the listing elsewhere; ``first_link``: the whole header of the first page.
    ``broken_page``: a page of it that fails.
    ``left``: requests until the rate limit is used up for a second, None for no limit.
    """

    daemon_threads = False

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.page_size = 100
        self.odd: dict[str, Odd] = {}
        self.refusals: list[Odd] = []
        self.hold_at = ""
        self.held, self.go = threading.Event(), threading.Event()
        self.next_link = ""
        self.first_link = ""
        self.broken_page = 0
        self.left: int | None = None
        self.refused = 0
        self._resets_at = 0
        self._lock = threading.Lock()
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []

    @property
    def base_url(self) -> str:
        """What a job is given."""
        return f"http://127.0.0.1:{self.server_address[1]}{PREFIX}"

    def asked_for(self, kind: str = "languages") -> list[str]:
        """Return what was asked for: repositories by name, or ``repos``, pages by number."""
        paths = [urlsplit(path) for path in self.requests]
        if kind == "repos":
            return [
                parse_qs(path.query).get("page", ["1"])[0]
                for path in paths
                if path.path.endswith("/repos")
            ]
        return [
            path.path.removeprefix(f"{PREFIX}/repos/").removesuffix("/languages")
            for path in paths
            if path.path.endswith("/languages")
        ]

    def refusal(self) -> Odd | None:
        """Count a request; return what refuses it, if it is refused."""
        with self._lock:
            if self.refusals:
                return self.refusals.pop(0)
            if self.left is None:
                return None
            if self.left == 0 and time.time() >= self._resets_at:
                self.left = 3
            if self.left == 0:
                self.refused += 1
                return (403, b'{"message":"API rate limit exceeded"}', self.limits())
            self.left -= 1
            self._resets_at = int(time.time()) + 1
            return None

    def limits(self) -> dict[str, str]:
        """Return the headers of the rate limit."""
        if self.left is None:
            return {}
        return {"X-RateLimit-Remaining": str(self.left), "X-RateLimit-Reset": str(self._resets_at)}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what some tests are about."""


def odd(body: object, status: int = 200, **headers: str) -> Odd:
    """Return an answer of a repository that is not as it should be."""
    return status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers


@contextmanager
def running_github(host: str = "127.0.0.1") -> Iterator[GithubServer]:
    """Serve until the block ends, then end every handler and close."""
    server = GithubServer(host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.go.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: GithubServer
    timeout = 20

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.server.requests.append(self.path)
        self.server.headers.append(dict(self.headers.items()))
        path = urlsplit(self.path)
        refusal = self.server.refusal()
        if refusal is not None:
            self.answer(*refusal)
        elif path.path == f"{PREFIX}/users/octo/repos":
            self.answer_page(int(parse_qs(path.query).get("page", ["1"])[0]))
        else:
            self.answer_languages(
                path.path.removeprefix(f"{PREFIX}/repos/").removesuffix("/languages")
            )

    def answer_page(self, page: int) -> None:
        """Answer a page of the listing, with a link to the next."""
        server = self.server
        if page == server.broken_page:
            self.answer(500, b"", {})
            return
        if "listing" in server.odd:
            self.answer(*server.odd["listing"])
            return
        names = list(server.repositories)
        some = names[(page - 1) * server.page_size : page * server.page_size]
        links = [f'<{server.base_url}/users/octo/repos?page=1>; rel="first"']
        if page * server.page_size < len(names):
            links.append(
                f"<{server.next_link or f'{server.base_url}/users/octo/repos?page={page + 1}'}>; "
                'rel="next"'
            )
        body = json.dumps(
            [{"id": number, "full_name": name} for number, name in enumerate(some)]
        ).encode()
        self.answer(200, body, {"Link": (page == 1 and server.first_link) or ", ".join(links)})

    def answer_languages(self, name: str) -> None:
        """Answer the languages of a repository."""
        server = self.server
        if name == server.hold_at:
            server.held.set()
            server.go.wait(20)
        if name in server.odd:
            self.answer(*server.odd[name])
        elif name in server.repositories:
            self.answer(200, json.dumps(server.repositories[name]).encode(), {})
        else:
            self.answer(404, b'{"message":"Not Found"}', {})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send an answer with the headers of the rate limit."""
        self.send_response(status)
        for name, value in {**self.server.limits(), **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
