"""github.languages: which languages the repositories of a GitHub-like server are written in.

The task to copy from for long work that must go on where it stopped. It keeps two things, each
worth what asking again costs:
the list of repositories, found page by page, as the job's state; and a line for each repository
that was asked for, as the job's file, which is result and record in one.
An attempt begins with both.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.bar_chart import bar_chart
from flask_api.tasks.github.api import OWNER, REPOSITORY, GithubApi
from flask_api.tasks.github.errors import RateLimited, ServerAway
from flask_api.tasks.github.limits import RateLimit
from flask_api.tasks.github.totals import (
    LanguageStatistics,
    RepositoryLanguages,
    bars_of,
    summarise,
)
from flask_api.tasks.web.errors import WebError
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.pool import FetchPool
from flask_api.tasks.web.items import FetchError
from shared.errors import JobStoreUnavailable

MAX_REPOSITORIES = 1000
MAX_PAGES = 100
LINES_FILE = "languages.jsonl"
CHART_FILE = "languages.svg"
SMALL_FILE = 1_000_000
# What another attempt may not meet again. A row with such an error is asked for again by the next
# one.
PASSING = frozenset(
    {"connect_failed", "timed_out", "name_not_found", "bad_response", "server_failed", "host_busy"}
)
_AWAY_AFTER = 5

RepositoryName = Annotated[str, Field(pattern=f"^{REPOSITORY}$", examples=["octocat/hello-world"])]
OwnerName = Annotated[str, Field(pattern=f"^{OWNER}$")]
BaseUrl = Annotated[
    str, Field(max_length=500, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The repositories found so far, and where to go on: the job's state."""

    names: list[str]
    next_page: str | None
    pages: int = 0


@task(
    "github.languages",
    max_attempts=12,
    retry_on=(RateLimited, ServerAway, JobStoreUnavailable),
    backoff_s=60,
    backoff_cap_s=900,
    at_least_one_of=("repositories", "owner"),
)
def languages(
    repositories: Annotated[
        tuple[RepositoryName, ...], Field(max_length=MAX_REPOSITORIES, description="owner/name")
    ] = (),
    owner: Annotated[OwnerName | None, Field(description="all of theirs that are public")] = None,
    base_url: Annotated[
        BaseUrl, Field(description="of a server that speaks as GitHub's REST API does")
    ] = "https://api.github.com",
    timeout_s: Annotated[
        float, Field(ge=1, le=60, description="for each request, in seconds")
    ] = 20.0,
    max_wait_s: Annotated[
        float, Field(ge=0, le=900, description="for the rate limit, in each attempt, in seconds")
    ] = 60.0,
    *,
    job: JobContext,
) -> LanguageStatistics:
    """Add up the languages of repositories, and draw them.

    Files: languages.jsonl, a line for each repository; languages.svg, a bar chart. A repository
    that can't be read has an error in its line and doesn't fail the job. A longer wait than
    ``max_wait_s`` is left to the next attempt, which asks only for what is missing.
    No token is accepted, as arguments can be read: only what everybody may see is counted.
    """
    with GuardedClient.of(job.settings) as client, FetchPool(client, job, threads=1) as pool:
        limit = RateLimit(job, max_wait_s=max_wait_s)
        api = GithubApi(
            base_url, client=client, pool=pool, job=job, limit=limit, timeout_s=timeout_s
        )
        listing = find_repositories(repositories, owner, api=api, job=job)
        names = listing.names[:MAX_REPOSITORIES]
        rows = ask_for_all(names, api=api, job=job)
    statistics = summarise(
        rows, is_complete=listing.next_page is None and len(names) == len(listing.names)
    )
    return draw(statistics, job)


def draw(statistics: LanguageStatistics, job: JobContext) -> LanguageStatistics:
    """Keep the chart as a file, and return the result with it."""
    title, bars = f"Languages of {statistics.done} repositories", bars_of(statistics)
    job.save_file(CHART_FILE, bar_chart(title, bars))
    if not bars:
        return statistics
    pairs = [(bar.label, bar.value) for bar in bars]
    return replace(statistics, chart=job.chart("bars", pairs, title=title, y="bytes"))


def find_repositories(
    names: Iterable[str], owner: str | None, *, api: GithubApi, job: JobContext
) -> Listing:
    """Return the named repositories and the owner's,
    going on with the page that an earlier attempt came to."""
    kept = job.load_state()
    first = None if owner is None else api.first_page_of(owner)
    listing = (
        Listing(**kept) if kept else Listing(names=list(dict.fromkeys(names)), next_page=first)
    )
    while listing.next_page and listing.pages < MAX_PAGES and len(listing.names) < MAX_REPOSITORIES:
        try:
            found, next_page = api.get_page(listing.next_page)
        except WebError as error:
            raise ServerAway(error.message) if error.code in PASSING else error from error
        every = list(dict.fromkeys([*listing.names, *found]))
        # One more than are asked for: it says that there are more.
        listing = Listing(
            names=every[: MAX_REPOSITORIES + 1], next_page=next_page, pages=listing.pages + 1
        )
        job.save_state(asdict(listing))
        job.progress(0, len(listing.names), message=f"{len(listing.names)} repositories found")
    return listing


class _LinesFile:
    """The job's file of lines, which begins with those of earlier attempts.

    A line is in it before the next repository is asked for, as long as the file is small. Of a
    large one a twentieth may be missing: written whole for each line, a thousand lines of 40 kB
    would be 20 GB.
    """

    def __init__(self, rows: Iterable[RepositoryLanguages], job: JobContext) -> None:
        self._job = job
        self._lines = [_line(row) for row in rows]
        self._size = sum(map(len, self._lines))
        self._unsaved = 0

    def add(self, row: RepositoryLanguages) -> None:
        """Add a line."""
        line = _line(row)
        self._lines.append(line)
        self._size += len(line)
        self._unsaved += len(line)
        if self._size < SMALL_FILE or 20 * self._unsaved > self._size:
            self.save()

    def save(self) -> None:
        """Write what was added since."""
        if self._unsaved:
            self._job.save_file(LINES_FILE, "".join(self._lines))
            self._unsaved = 0


def ask_for_all(
    names: Iterable[str], *, api: GithubApi, job: JobContext
) -> list[RepositoryLanguages]:
    """Return a row for each repository; the job's file has them, also when the next attempt must
    go on."""
    wanted = list(names)
    rows = {row.repository: row for row in read_rows(job)}
    file = _LinesFile(rows.values(), job)
    failures = 0
    try:
        for name in wanted:
            if name in rows:
                continue
            row = ask_for(name, api=api)
            failures = failures + 1 if row.error and row.error.code in PASSING else 0
            if failures == _AWAY_AFTER and row.error:
                raise ServerAway(f"No answer {_AWAY_AFTER} times in a row: {row.error.message}")
            rows[name] = row
            file.add(row)
            job.progress(len(rows), len(wanted), message=name)
    except (RateLimited, ServerAway):
        file.save()
        raise
    file.save()
    return list(rows.values())


def ask_for(name: str, *, api: GithubApi) -> RepositoryLanguages:
    """Ask for one repository; what is wrong with it becomes its row's error,
    what is wrong with the server is raised."""
    try:
        return RepositoryLanguages(repository=name, languages=api.get_languages(name))
    except RateLimited:
        raise
    except WebError as problem:
        return RepositoryLanguages(repository=name, error=FetchError.of(problem))


def read_rows(job: JobContext) -> list[RepositoryLanguages]:
    """Return the rows that earlier attempts wrote,
    without those that are worth asking for again."""
    stream = job.find_file(LINES_FILE)
    if stream is None:
        return []
    with stream:
        rows = [row for line in stream if (row := _row_of(line))]
    return [row for row in rows if row.error is None or row.error.code not in PASSING]


def _line(row: RepositoryLanguages) -> str:
    return json.dumps(asdict(row), ensure_ascii=False) + "\n"


def _row_of(line: bytes) -> RepositoryLanguages | None:
    """Read a line back. One that is cut off, because its process was killed while it wrote,
    is asked for again."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    error = found["error"] and FetchError(**found["error"])
    return RepositoryLanguages(
        repository=found["repository"], languages=found["languages"], error=error
    )
