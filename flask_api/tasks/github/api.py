"""Ask a server that speaks as GitHub's REST API does:
whose repositories there are, and which languages are in them.

Nobody is ever named: a job's arguments can be read, so a token is none of them; and one of the
server's own would be sent to whatever ``base_url`` a person gives. One request at a time, as GitHub
asks of its guests. Source: GitHub REST API, version 2022-11-28, "List repositories for a user",
"List repository languages".
"""

import json
import re
from typing import Any, NamedTuple

import httpx

from flask_api.jobs.tasks.context import JobContext
from flask_api.tasks.github.errors import BadAnswer, NotFound, Refused, ServerFailed
from flask_api.tasks.github.limits import RateLimit
from flask_api.tasks.github.link_header import LinkHeaderError, target_of
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.pool import FetchPool
from shared.strict_json import members_once

REPOSITORY = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}"
OWNER = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
MAX_PAGE_BYTES = 5_000_000
MAX_LANGUAGES_BYTES = 100_000
MAX_LANGUAGES = 500
MAX_LANGUAGE_NAME = 60
MAX_BYTES = 2**53  # larger numbers are not exact in every reader of JSON
_MAX_URL = 2000
_HEADERS = {"Accept": "application/vnd.github+json"}


class _Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class GithubApi:
    """One server; for one thread. Everything raises a WebError,
    and JobCancelled within a moment when the job must stop.

    ``pool``: one thread of it fetches, so that a job that must stop need not wait for the server.
    """

    def __init__(
        self,
        base_url: str,
        *,
        client: GuardedClient,
        pool: FetchPool,
        job: JobContext,
        limit: RateLimit,
        timeout_s: float,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._pool = pool
        self._job = job
        self._limit = limit
        self._timeout_s = timeout_s

    def first_page_of(self, owner: str) -> str:
        """Return the URL of the first page of an owner's repositories."""
        return f"{self._base_url}/users/{owner}/repos?per_page=100&sort=full_name"

    def get_page(self, url: str) -> tuple[list[str], str | None]:
        """Return the repositories on one page of a listing and the URL of the next page,
        None when it is the last."""
        found, headers = self._get(url, max_bytes=MAX_PAGE_BYTES)
        if not isinstance(found, list):
            raise BadAnswer("The list of repositories is not a JSON array.")
        names = [item.get("full_name") if isinstance(item, dict) else None for item in found]
        good = [name for name in names if isinstance(name, str) and re.fullmatch(REPOSITORY, name)]
        if len(good) < len(names):
            self._job.log(
                f"{len(names) - len(good)} entries of the list have no acceptable full_name",
                level="warning",
            )
        return good, self._next_page(url, headers)

    def get_languages(self, repository: str) -> dict[str, int]:
        """Return how many bytes of each language a repository has."""
        found, _ = self._get(
            f"{self._base_url}/repos/{repository}/languages", max_bytes=MAX_LANGUAGES_BYTES
        )
        if not isinstance(found, dict) or len(found) > MAX_LANGUAGES:
            raise BadAnswer(
                f"The languages are not a JSON object of at most {MAX_LANGUAGES} members."
            )
        for name, size in found.items():
            if not 0 < len(name) <= MAX_LANGUAGE_NAME or not name.isprintable():
                raise BadAnswer(
                    f"A language has no name of 1 to {MAX_LANGUAGE_NAME} printable characters."
                )
            # not isinstance: True is no size
            if type(size) is not int or not 0 <= size <= MAX_BYTES:
                raise BadAnswer(f"The size of {name} is not a whole number from 0 to {MAX_BYTES}.")
        return found

    def _get(self, url: str, *, max_bytes: int) -> tuple[Any, httpx.Headers]:
        while True:
            self._limit.wait()
            answer = self._pool.wait_for(self._pool.submit(self._read, url, max_bytes))
            if not self._limit.heed(answer.status, answer.headers):
                break
        _check_status(answer.status)
        try:
            return json.loads(answer.body, object_pairs_hook=members_once), answer.headers
        except (ValueError, RecursionError) as error:
            raise BadAnswer("The answer is not JSON, or has a member twice.") from error

    def _read(self, url: str, max_bytes: int) -> _Answer:
        request = self._client.stream(
            url, timeout_s=self._timeout_s, max_bytes=max_bytes, headers=_HEADERS, unpack=True
        )
        with request as reply:
            body = b"".join(reply.iter_body()) if reply.status == 200 else b""
            return _Answer(reply.status, reply.headers, body)

    def _next_page(self, url: str, headers: httpx.Headers) -> str | None:
        """Return where ``Link: rel="next"`` (RFC 8288) leads.
        Raises BadAnswer when that is another server, or unreadable."""
        try:
            link = target_of(headers.get("Link", ""), "next")
            if link is None:
                return None
            target = httpx.URL(url).join(link)
        except LinkHeaderError as error:
            raise BadAnswer(
                f"The Link header, which may name a next page, can't be read: {error}."
            ) from error
        except httpx.InvalidURL as error:
            raise BadAnswer("The link to the next page can't be read.") from error
        if _origin(target) != _origin(httpx.URL(self._base_url)) or len(str(target)) > _MAX_URL:
            raise BadAnswer("The link to the next page leads to another server.")
        return str(target)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _check_status(status: int) -> None:
    if status in (404, 410, 451):
        raise NotFound("The server has no such thing that everybody may see.")
    if status in (401, 403):
        raise Refused(f"The server refused with status {status}; Gatehouse asks without a name.")
    if status >= 500:
        raise ServerFailed(f"The server failed with status {status}.")
    if status != 200:
        raise BadAnswer(f"The server answered with status {status}.")
