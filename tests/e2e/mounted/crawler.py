"""Walk a service as its people's browsers and programs do,
and tell every address that leads out of the mount or nowhere.

An address is what a page, a style sheet, a script, an answer in JSON, a mail or a header says:
whoever gets it will ask for it.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

from tests.waiting import wait_until

_IN_PAGE = re.compile(r'\s(href|src|action|data-from|data-path|data-prefix)="([^"]*)"')
_IN_TEXT = re.compile(r"https?://[^\s\"'<>\\]+")
_IN_STYLE = re.compile(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")
_IN_SCRIPT = re.compile(r"[\"'`](/[a-z][^\"'`\s]*)")
_HEADERS = ("Location", "Content-Location", "Refresh")
# Members whose values begin with a slash and are no addresses:
# RFC 6901's pointers, and what an application is told.
_NO_ADDRESSES = frozenset({"pointer", "pattern", "PATH_INFO"})
# Answers to a GET at what only takes other methods, or what ended, are no dead links.
_FINE = frozenset({200, 204, 302, 304, 400, 401, 403, 405, 409, 410})
_TEXT_MAX = 2_000_000


class Crawler:
    """Follows what ``http`` may see from some addresses on.
    ``found`` are the sentences about what is wrong."""

    def __init__(self, http: httpx.Client, root: str) -> None:
        self._http = http
        self._root = root
        self._origin = root.removesuffix(urlsplit(root).path)
        self._queue: deque[tuple[str, str]] = deque()
        self.seen: set[str] = set()
        self.found: list[str] = []

    def walk(self, *paths: str) -> None:
        """Ask for ``paths``, below the mount, and for all that they lead to."""
        for path in paths:
            self._add(f"{self._root}{path}", "the start")
        while self._queue:
            url, said_by = self._queue.popleft()
            self._visit(url, said_by)

    def read(self, answer: httpx.Response, body: str | None = None) -> None:
        """Take over what an answer says that was asked for elsewhere."""
        base = str(answer.request.url)
        self.seen.add(urldefrag(base).url)
        for name in _HEADERS:
            if name in answer.headers:
                self._add(
                    urljoin(base, answer.headers[name].rpartition("url=")[2]), f"{name} of {base}"
                )
        text = answer.text if body is None else body
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        for address in _addresses(kind, text):
            self._add(urljoin(base, address), base)

    def read_text(self, text: str, said_by: str) -> None:
        """Take over the addresses in a mail."""
        for address in _IN_TEXT.findall(text):
            self._add(address, said_by)

    def _add(self, url: str, said_by: str) -> None:
        url = urldefrag(url).url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or (
            not url.startswith(f"{self._origin}/") and url != self._origin
        ):
            if parts.hostname in ("localhost", "127.0.0.1"):
                self.found.append(f"{said_by} leads to {url}, another server")
            return
        if url != self._root and not url.startswith((f"{self._root}/", f"{self._root}?")):
            self.found.append(f"{said_by} leads to {url}, outside {self._root}")
            return
        # The admin's lists can be sorted and filtered in endless ways, which all look the same.
        key = url.partition("?")[0] if "/admin/" in url else url
        is_base = url == f"{self._root}/api"  # of other addresses: nobody asks for it
        if key not in self.seen and "{" not in url and not is_base:
            self.seen.add(key)
            self._queue.append((url, said_by))

    def _visit(self, url: str, said_by: str) -> None:
        accept = (
            "application/json" if "/api/" in url and "/docs" not in url else "text/html,*/*;q=0.8"
        )
        asked: list[tuple[httpx.Response, str]] = []

        def is_answered() -> bool:
            asked.append(self._ask(url, accept))
            return asked[-1][0].status_code != 503  # a machine so busy that Redis is late

        wait_until(is_answered, timeout_s=20, what=f"{url} answers other than 503")
        answer, body = asked[-1]
        if answer.status_code not in _FINE:
            self.found.append(f"{said_by} leads to {url}, which answers {answer.status_code}")
        self.read(answer, body)

    def _ask(self, url: str, accept: str) -> tuple[httpx.Response, str]:
        with self._http.stream("GET", url, headers={"Accept": accept}) as answer:
            is_endless = answer.headers.get("Content-Type", "").startswith("text/event-stream")
            return answer, "" if is_endless else answer.read()[:_TEXT_MAX].decode(
                "utf-8", "replace"
            )


def _addresses(kind: str, text: str) -> Iterator[str]:
    if kind == "text/html":
        yield from (unescape(found[1]) for found in _IN_PAGE.findall(text) if found[1])
        yield from _IN_TEXT.findall(unescape(text))
    elif kind == "text/css":
        yield from ("".join(found) for found in _IN_STYLE.findall(text))
    elif kind in ("text/javascript", "application/javascript"):
        yield from _IN_SCRIPT.findall(text)
    elif kind.endswith("json"):
        for document in text.splitlines() if "ndjson" in kind else [text or "null"]:
            yield from _strings(json.loads(document), "")


def _strings(value: Any, name: str) -> Iterator[str]:
    """Yield each string that is an address: of this host, or a whole one."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member, name)
    elif (
        isinstance(value, str)
        and name not in _NO_ADDRESSES
        and re.match(r"/[a-z]|https?://", value)
    ):
        yield value
