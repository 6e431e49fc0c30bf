"""github.languages against a server of our own:
pages, totals, files, rate limits, and answers that are none."""

import json
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from xml.etree import ElementTree

import pytest

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason, TaskError
from flask_api.jobs.tasks.context import Progress
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.github import languages as github
from flask_api.tasks.github.errors import RateLimited, ServerAway
from flask_api.tasks.github.languages import languages
from shared.settings import ApiSettings
from tests.integration.tasks.github_server import GithubServer, odd, running_github

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    """A server with five repositories, two on a page."""
    with running_github() as running:
        running.page_size = 2
        running.repositories = {
            "octo/a": {"Python": 600, "C": 300},
            "octo/b": {"Python": 50},
            "octo/c": {},
            "octo/.github": {"C": 40},
            "octo/e": {"C++": 10},
        }
        yield running


def settings() -> ApiSettings:
    """Return settings that allow this machine."""
    return ApiSettings.model_construct(web_allowed_networks=(ip_network("127.0.0.0/8"),))


def run(
    server: GithubServer, reporter: InlineReporter | None = None, **arguments: Any
) -> dict[str, Any]:
    """Run the task on the server, for its owner unless other arguments are given."""
    given = {"owner": "octo", "base_url": server.base_url, **arguments}
    result: dict[str, Any] = run_inline(languages, given, settings=settings(), reporter=reporter)
    return result


def rows_of(reporter: InlineReporter) -> dict[str, dict[str, Any]]:
    """Return the lines of the job's file, by repository."""
    rows = [json.loads(line) for line in reporter.files["languages.jsonl"].decode().splitlines()]
    assert len({row["repository"] for row in rows}) == len(rows)
    return {row["repository"]: row for row in rows}


def test_all_pages_of_an_owner_are_added_up(server: GithubServer) -> None:
    """Every page, every repository, once each; the largest language first."""
    reporter = InlineReporter()
    result = run(server, reporter)
    [bars] = result.pop("chart")["series"]
    assert bars["points"] == [["Python", 650], ["C", 340], ["C++", 10]]
    assert result == {
        "done": 5,
        "failed": 0,
        "is_complete": True,
        "bytes": 1000,
        "languages": [
            {"language": "Python", "bytes": 650, "share": 0.65},
            {"language": "C", "bytes": 340, "share": 0.34},
            {"language": "C++", "bytes": 10, "share": 0.01},
        ],
        "failures": [],
    }
    assert server.asked_for("repos") == ["1", "2", "3"]
    assert server.asked_for() == list(server.repositories)
    assert {
        name: row["languages"] for name, row in rows_of(reporter).items()
    } == server.repositories


def test_named_repositories_are_asked_for_with_those_of_the_owner_once_each(
    server: GithubServer,
) -> None:
    """Both may be given, and neither is refused in words."""
    server.repositories["else/x"] = {"Ada": 1}
    assert run(server, owner=None, repositories=["else/x", "octo/a", "else/x"])["done"] == 2
    assert server.asked_for("repos") == []
    del server.repositories["else/x"]
    assert run(server, repositories=["octo/b", "else/gone"])["done"] == 5
    with pytest.raises(InvalidArguments) as refused:
        run(server, owner=None)
    assert [problem.detail for problem in refused.value.problems] == [
        "Give at least one of repositories, owner."
    ]


def test_request_carries_no_secret(server: GithubServer) -> None:
    """Nobody is named, whatever the server is."""
    run(server)
    sent = {name for headers in server.headers for name in headers}
    assert sent <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


def test_chart_is_well_formed_and_shows_twelve_and_the_rest(server: GithubServer) -> None:
    """Any printable name is escaped; the thirteenth and later are one bar."""
    names = ['<b>"x" & y</b>', "]]>", *(f"language {number}" for number in range(13))]
    server.repositories = {"octo/a": {name: 100 - number for number, name in enumerate(names)}}
    reporter = InlineReporter()
    run(server, reporter)
    root = ElementTree.fromstring(reporter.files["languages.svg"])
    labels = [text.text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    assert labels == [*names[:12], "other"]
    assert "prefers-color-scheme:dark" in str(root.findtext(f"{SVG}style"))


def test_owner_without_repositories_is_an_empty_result(server: GithubServer) -> None:
    """No bytes are no division by zero; the chart is there all the same."""
    server.repositories = {}
    reporter = InlineReporter()
    result = run(server, reporter)
    assert (result["done"], result["bytes"], result["languages"]) == (0, 0, [])
    ElementTree.fromstring(reporter.files["languages.svg"])


def test_listing_that_never_ends_is_cut(
    server: GithubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result says that it is not complete, by pages or by repositories."""
    monkeypatch.setattr(github, "MAX_PAGES", 4)
    server.next_link = f"{server.base_url}/users/octo/repos?page=1"
    result = run(server)
    assert (result["done"], result["is_complete"], len(server.asked_for("repos"))) == (2, False, 4)
    monkeypatch.setattr(github, "MAX_REPOSITORIES", 3)
    server.next_link = ""
    result = run(server)
    assert (result["done"], result["is_complete"]) == (3, False)


def test_used_up_limit_is_waited_for(server: GithubServer) -> None:
    """Nothing is asked for while nothing is left, so nothing is refused; all is done in the end."""
    server.left = 3
    progress: list[Progress] = []
    assert run(server, InlineReporter(progress.append), max_wait_s=30)["done"] == 5
    assert (server.refused, len(server.requests)) == (0, 8)
    assert (progress[-1].done, progress[-1].total) == (5, 5)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_refused_request_is_made_again_after_the_wait(server: GithubServer, status: int) -> None:
    """``Retry-After`` is heeded with each status that may carry it."""
    server.refusals = [odd({}, status, **{"Retry-After": "1"})]
    assert run(server, owner=None, repositories=["octo/a"])["done"] == 1
    assert server.asked_for() == ["octo/a", "octo/a"]


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "3600"}, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, {}]
)
def test_longer_wait_is_left_to_the_next_attempt(
    server: GithubServer, headers: dict[str, str]
) -> None:
    """No slot is held for it; the next attempt asks only for what is missing."""
    reporter = InlineReporter()
    server.odd["octo/.github"] = odd({}, 429, **headers)
    with pytest.raises(RateLimited) as caught:
        run(server, reporter, max_wait_s=30)
    assert languages.policy.may_retry(caught.value)
    assert list(rows_of(reporter)) == ["octo/a", "octo/b", "octo/c"]
    server.odd.clear()
    server.requests.clear()
    assert run(server, reporter)["bytes"] == 1000
    assert (server.asked_for("repos"), server.asked_for()) == ([], ["octo/.github", "octo/e"])


def test_listing_goes_on_with_the_page_it_came_to(server: GithubServer) -> None:
    """Pages that were read are not asked for again."""
    reporter = InlineReporter()
    server.broken_page = 3
    with pytest.raises(ServerAway):
        run(server, reporter)
    server.broken_page = 0
    server.requests.clear()
    assert run(server, reporter)["done"] == 5
    assert server.asked_for("repos") == ["3"]


def test_server_that_is_away_ends_the_attempt_and_nothing_counts_as_failed(
    server: GithubServer,
) -> None:
    """Five times no answer is an outage, not five bad repositories: a later attempt asks again."""
    reporter = InlineReporter()
    for name in server.repositories:
        server.odd[name] = odd({}, 500)
    with pytest.raises(ServerAway, match="5 times in a row"):
        run(server, reporter)
    server.odd.clear()
    server.requests.clear()
    assert (run(server, reporter)["done"], len(rows_of(reporter))) == (5, 5)
    assert server.asked_for() == list(server.repositories)


def test_line_that_was_cut_off_is_asked_for_again(server: GithubServer) -> None:
    """A process may be killed while it writes; the rest of the file counts."""
    reporter = InlineReporter()
    run(server, reporter)
    reporter.files["languages.jsonl"] = reporter.files["languages.jsonl"][:-9]
    server.requests.clear()
    assert run(server, reporter)["bytes"] == 1000
    assert server.asked_for() == ["octo/e"]


def test_cancel_ends_a_request_that_hangs(server: GithubServer) -> None:
    """Nothing waits for the minute that a request may take; no thread is left."""
    server.hold_at = "octo/b"

    def must_stop() -> StopReason | None:
        return StopReason.CANCELLED if server.held.is_set() else None

    arguments = {"owner": "octo", "base_url": server.base_url, "timeout_s": 60}
    with pytest.raises(JobCancelled):
        run_inline(languages, arguments, settings=settings(), must_stop=must_stop)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("web-")] == []


def test_private_server_is_refused_unless_allowed(server: GithubServer) -> None:
    """The base URL is guarded as every other."""
    with pytest.raises(TaskError, match="address is not public"):
        run_inline(languages, {"owner": "octo", "base_url": server.base_url})
    assert server.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"repositories": ["octo"]},
        {"repositories": ["octo/"]},
        {"repositories": ["octo/.."]},
        {"repositories": ["../octo"]},
        {"repositories": ["octo/a/b"]},
        {"repositories": ["octo/a?b"]},
        {"repositories": ["octo/a\n"]},
        {"repositories": ["octo/é"]},
        {"repositories": ["octo/a"] * 1001},
        {"repositories": "octo/a"},
        {"owner": ""},
        {"owner": "a/b"},
        {"owner": ".."},
        {"owner": "octo", "base_url": "ftp://e.org"},
        {"owner": "octo", "base_url": "https://user:secret@e.org"},
        {"owner": "octo", "base_url": "https://e.org/?x"},
        {"owner": "octo", "base_url": "https://e.org/#x"},
        {"owner": "octo", "base_url": "https://"},
        {"owner": "octo", "max_wait_s": 901},
        {"owner": "octo", "timeout_s": 0},
        {"owner": "octo", "token": "secret"},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_is_made(arguments: dict[str, Any]) -> None:
    """Names that could lead elsewhere in a URL, and secrets, are no arguments."""
    with pytest.raises(InvalidArguments):
        run_inline(languages, arguments)
