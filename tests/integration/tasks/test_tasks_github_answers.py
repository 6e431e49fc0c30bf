"""github.languages and answers that are none:
each is an error of its repository, or ends the attempt in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from flask_api.jobs.tasks.inline import InlineReporter
from flask_api.tasks.github.errors import BadAnswer, GithubError, NotFound, ServerAway
from flask_api.tasks.github.languages import LINES_FILE, languages
from tests.integration.tasks.github_server import GithubServer, Odd, odd, running_github
from tests.integration.tasks.test_tasks_github import rows_of, run


@pytest.fixture
def server() -> Iterator[GithubServer]:
    """A server with five repositories, two on a page."""
    with running_github() as running:
        running.page_size = 2
        running.repositories = {f"octo/{name}": {"C": 100} for name in "abcde"}
        yield running


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (odd(b"no json"), "bad_answer"),
        (odd(b"\xff\xfe"), "bad_answer"),
        (odd(b""), "bad_answer"),
        (odd(b"[" * 50_000), "bad_answer"),
        (odd(b'{"C": ' + b"9" * 5000 + b"}"), "bad_answer"),
        (odd([]), "bad_answer"),
        (odd(None), "bad_answer"),
        (odd({"C": -1}), "bad_answer"),
        (odd({"C": 2**53 + 1}), "bad_answer"),
        (odd({"C": 1.5}), "bad_answer"),
        (odd({"C": "1"}), "bad_answer"),
        (odd({"C": True}), "bad_answer"),
        (odd(b'{"C": NaN}'), "bad_answer"),
        (odd(b'{"C": 1, "C": 2}'), "bad_answer"),
        (odd({"": 1}), "bad_answer"),
        (odd({"x" * 61: 1}), "bad_answer"),
        (odd({"a\x00b": 1}), "bad_answer"),
        (odd({"\ud800": 1}), "bad_answer"),
        (odd({str(number): 1 for number in range(501)}), "bad_answer"),
        (odd(b" " * 200_000), "too_large"),
        (odd({}, 204), "bad_answer"),
        (odd({}, 401), "refused"),
        (odd({}, 403), "refused"),
        (odd({}, 404), "not_found"),
        (odd({}, 451), "not_found"),
        (odd({}, 500), "server_failed"),
        (odd({}, 302, Location="file:///etc/passwd"), "url_refused"),
        (odd({}, 302, Location="http://10.0.0.1/"), "address_refused"),
    ],
)
def test_bad_answer_is_an_error_of_its_repository(
    server: GithubServer, answer: Odd, code: str
) -> None:
    """The others go on, and the totals are theirs."""
    server.odd["octo/b"] = answer
    reporter = InlineReporter()
    result = run(server, reporter)
    assert (result["done"], result["failed"], result["bytes"]) == (4, 1, 400)
    assert [(each["repository"], each["error"]["code"]) for each in result["failures"]] == [
        ("octo/b", code)
    ]
    assert rows_of(reporter)["octo/b"]["error"]["code"] == code
    ElementTree.fromstring(reporter.files["languages.svg"])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (odd({"message": "x"}), BadAnswer),
        (odd(b"<html>"), BadAnswer),
        (odd({}, 404), NotFound),
        (odd({}, 502), ServerAway),
    ],
)
def test_listing_that_can_not_be_read_ends_the_attempt(
    server: GithubServer, answer: Odd, error: type[GithubError]
) -> None:
    """Only what may pass is worth another attempt."""
    server.odd["listing"] = answer
    with pytest.raises(error):
        run(server)
    assert languages.policy.may_retry(error("x")) == (error is ServerAway)


def test_names_in_a_listing_are_checked(server: GithubServer) -> None:
    """What is no repository's name is never put into a URL;
    the job's log says how many there were."""
    wrong: list[Any] = [
        "x",
        {"full_name": "octo/../../admin"},
        {"full_name": 7},
        {"full_name": "octo/.."},
        {"full_name": "a/b?x"},
    ]
    server.odd["listing"] = odd([{"full_name": "octo/a"}, *wrong, {}])
    reporter = InlineReporter()
    assert run(server, reporter)["done"] == 1
    assert server.asked_for() == ["octo/a"]
    assert "6 entries" in reporter.lines[0]


@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.2:{port}/x",
        "https://127.0.0.1:{port}/x",
        "http://127.0.0.1:1/x",
        "//e.org/x",
    ],
)
def test_next_page_on_another_server_is_not_followed(server: GithubServer, where: str) -> None:
    """A link leads within the server that was named, or nowhere."""
    server.next_link = where.format(port=server.server_address[1])
    with pytest.raises(BadAnswer, match="another server"):
        run(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        '</api/v3/users/octo/repos?page=2>; rel="last next"',
        "<?page=2>;REL=NEXT",
        '<?page=2>;title="a,b";rel=" Next "',
    ],
)
def test_next_page_is_followed_however_it_is_named(server: GithubServer, link: str) -> None:
    """RFC 8288: several relations in one, any case, no quotes;
    a list is never called complete after a page of it."""
    server.first_link = link
    result = run(server)
    assert (result["done"], result["is_complete"]) == (5, True)


@pytest.mark.parametrize(
    "link",
    [
        "\xff\xfe",
        "<>; rel=next",
        "<http://[::1>; rel=next",
        "<http://a:b/>; rel=next",
        "<" * 50_000,
        ";,<,>",
    ],
)
def test_link_that_is_none_is_not_followed(server: GithubServer, link: str) -> None:
    """Whatever the header is, it is a last page or a bad answer."""
    server.odd["listing"] = odd([{"full_name": "octo/a"}], 200, Link=link)
    try:
        assert run(server)["done"] == 1
    except BadAnswer:
        assert len(server.asked_for("repos")) == 1


class CountingReporter(InlineReporter):
    """Counts the bytes of all lines' files that were saved."""

    saved = 0

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Take a file."""
        super().save_file(name, source)
        if name == LINES_FILE:
            self.saved += len(self.files[name])


def test_long_answers_are_not_written_again_for_each_repository(server: GithubServer) -> None:
    """A server may name 500 languages of 60 letters each time; what an attempt that is put off has
    found is there all the same."""
    many = {f"{number:060}": 1 for number in range(500)}
    server.repositories = {f"octo/r{number}": dict(many) for number in range(120)}
    server.page_size = 100
    reporter = CountingReporter()
    run(server, owner="octo", reporter=reporter)
    size = len(reporter.files[LINES_FILE])
    assert len(rows_of(reporter)) == 120
    assert size > 4_000_000
    assert reporter.saved < 25 * size  # and not sixty times
