"""What the client makes of answers, wrong ones above all:
one clear error, and the key goes nowhere else."""

import copy
import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatehouse import (
    BadAnswer,
    Client,
    Conflict,
    Expired,
    Forbidden,
    GatehouseError,
    InvalidRequest,
    NotFound,
    NotLoggedIn,
    ServerError,
    TooManyRequests,
    Unavailable,
)
from gatehouse.protocol import requests
from gatehouse.protocol.flows import ask
from gatehouse.transport.downloads import Target
from tests.client.odd_server import OddServer, Page, odd_server
from tests.ports import free_port

KEY = "gh_" + "k" * 49


@contextmanager
def asking(*pages: Page, patience_s: float = 0) -> Iterator[tuple[OddServer, Client]]:
    """A server of these pages and a client of it."""
    with odd_server(*pages) as server, Client(server.address, KEY, patience_s=patience_s) as client:
        yield server, client


def problem(status: int, code: str, **members: object) -> Page:
    """Return a problem as the service answers it."""
    body = json.dumps(
        {
            "type": f"/api/problems/{code}",
            "status": status,
            "code": code,
            "detail": "Because.",
            **members,
        }
    )
    return Page(status, body, {"Content-Type": "application/problem+json", "Retry-After": "7"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, NotLoggedIn),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, TooManyRequests),
        (500, ServerError),
        (503, Unavailable),
    ],
)
def test_problem_is_its_own_error(status: int, kind: type[GatehouseError]) -> None:
    """By its status; with its code and its words, which survive a copy and a pickle."""
    page = problem(status, "some_code", error_id="e1")
    with asking(page) as (_, client), pytest.raises(kind, match="Because") as raised:
        client.me()
    for error in (raised.value, copy.copy(raised.value), pickle.loads(pickle.dumps(raised.value))):
        assert type(error) is kind
        assert (error.code, str(error)) == ("some_code", "Because.")


def test_wrong_arguments_are_all_named() -> None:
    """problems has each; the message the first few."""
    lines = [{"pointer": f"/arguments/{number}", "detail": "accepted: less"} for number in range(7)]
    page = problem(422, "invalid_arguments", errors=lines)
    with (
        asking(page) as (_, client),
        pytest.raises(InvalidRequest, match=r"/arguments/0: accepted: less.*and 2 more") as raised,
    ):
        client.submit("t", limit=1)
    assert len(raised.value.problems) == 7


def test_limit_says_when_and_how_many() -> None:
    """Retry-After and what is left of the limit."""
    page = problem(429, "too_many_unfinished")
    page = Page(page.status, page.body, {**page.headers, "RateLimit": '"unfinished";r=3'})
    with asking(page) as (_, client), pytest.raises(TooManyRequests) as raised:
        client.submit("t")
    assert (raised.value.retry_after_s, raised.value.room) == (7, 3)


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_page_of_a_proxy_is_a_bad_answer_with_its_first_words(status: int) -> None:
    """No traceback of a JSON parser; no control character of the page, no script."""
    page = Page(
        status, "<html><script>x()</script><h1>Corporate\x1b[31m Proxy</h1><p>" + "a" * 10_000
    )
    with asking(page) as (_, client), pytest.raises(BadAnswer, match="Corporate") as raised:
        client.me()
    assert raised.value.status == status
    assert len(str(raised.value)) < 250
    assert "x()" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"id": 1}', "{", "[" * 100_000, "nan"])
def test_json_of_another_shape_is_a_bad_answer(body: str) -> None:
    """Whatever stands there, it is no record of ours."""
    with asking(Page(200, body, {"Content-Type": "application/json"})) as (_, client):
        with pytest.raises(BadAnswer):
            client.job("some")
        with pytest.raises(BadAnswer):
            client.tasks()


def test_redirect_is_not_followed_and_named() -> None:
    """The key is for the address that was given; another host never sees it."""
    with odd_server(Page(200, "{}")) as other:
        page = Page(301, "", {"Location": f"{other.address}/api/me"})
        with (
            asking(page) as (_, client),
            pytest.raises(BadAnswer, match=f"leads to {other.address}/api/me: use that address"),
        ):
            client.me()
        assert other.asked == []


def test_https_where_none_is_spoken_says_so() -> None:
    """OpenSSL's words for it, a wrong version number, help nobody."""
    with asking() as (plain, _):
        address = plain.address.replace("http:", "https:")
        with (
            Client(address, KEY, patience_s=0) as client,
            pytest.raises(Unavailable, match=r"no TLS is spoken there: is it http://\?"),
        ):
            client.me()


def test_nobody_there_is_unavailable_in_one_line() -> None:
    """Connection refused, a name that is none, a server that hangs up or says nothing."""
    with Client(f"http://127.0.0.1:{free_port()}", KEY, patience_s=0) as client:
        with pytest.raises(Unavailable, match="can't be reached") as raised:
            client.me()
        assert not raised.value.was_sent
    with (
        Client("http://no-such-host.invalid", KEY, patience_s=0) as client,
        pytest.raises(Unavailable),
    ):
        client.me()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(
            f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, patience_s=0, timeout_s=0.2
        )
        with client, pytest.raises(Unavailable, match="gave no answer in time"):
            client.me()


def test_half_an_answer_is_no_answer() -> None:
    """The connection broke inside the body."""
    page = Page(200, '{"id": "1"', {"Content-Type": "application/json"}, cut=100)
    with asking(page) as (_, client), pytest.raises(Unavailable):
        client.me()


def test_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """No half file under its name, none beside it."""
    page = Page(200, "half", cut=100)
    with asking(page) as (_, client), pytest.raises(Unavailable):
        client.connection.fetch_file(
            requests.get_file("some", "a.txt"), Target(tmp_path, name="a.txt")
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "", ".", "..", "a\0b"])
def test_name_that_is_a_path_is_not_written_to(tmp_path: Path, name: str) -> None:
    """What the service calls a file does not lead out of the folder."""
    with pytest.raises(ValueError, match="isn't a valid file name here"):
        Target(tmp_path, name=name)


def test_submit_is_sent_again_with_the_same_key_until_it_is_accepted() -> None:
    """503, 429 and a proxy's 502 pass; each try is the same request."""
    answers = (
        problem(503, "shutting_down"),
        Page(502, "<h1>Bad gateway</h1>"),
        problem(409, "some_end"),
    )
    pages = [Page(page.status, page.body, {**page.headers, "Retry-After": "0"}) for page in answers]
    with asking(*pages, patience_s=10) as (server, client), pytest.raises(Conflict):
        client.submit("t", limit=1)
    keys = [asked.headers["Idempotency-Key"] for asked in server.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len({asked.body for asked in server.asked}) == 1


def test_empty_text_is_sent_as_it_is(tmp_path: Path) -> None:
    """A key or a name that is empty is for the service to refuse: another in its place would be
    another job, or file, than was meant."""
    (tmp_path / "a.txt").write_text("x")
    with asking(problem(422, "bad_request")) as (server, client):
        for sent in (
            lambda: client.submit("t", {}, idempotency_key=""),
            lambda: client.upload(tmp_path / "a.txt", name=""),
        ):
            with pytest.raises(InvalidRequest):
                sent()
    submitted, uploaded = server.asked
    assert submitted.headers["Idempotency-Key"] == ""
    assert uploaded.path == "/api/files?name="


def test_retries_end_when_retry_after_is_too_late() -> None:
    """Patience of two seconds is not spent on a service that says: in seven."""
    page = problem(503, "job_store_unavailable")
    with (
        asking(page, patience_s=2) as (server, client),
        pytest.raises(Unavailable, match="Because"),
    ):
        client.me()
    assert len(server.asked) == 1


def test_cancel_is_not_repeated_blindly() -> None:
    """Nobody knows whether it was done: asked again, it could be refused though it was."""
    with (
        asking(Page(502, "", {"Retry-After": "0"}), patience_s=5) as (server, client),
        pytest.raises(Unavailable),
    ):
        client.connection.run(ask(requests.cancel_job("some"), patience_s=5))
    assert len(server.asked) == 1


def test_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Not by repr, not in an error, not in a log at its most talkative."""
    caplog.set_level("DEBUG")
    with asking(Page(403, "no")) as (server, client):
        with pytest.raises(BadAnswer) as raised:
            client.me()
        told = [
            repr(client),
            repr(client.access),
            str(client.access),
            repr(raised.value),
            *map(str, raised.value.__dict__.values()),
        ]
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert not [text for text in (*told, caplog.text) if KEY in text]
    assert not [text for text in (*told, caplog.text) if KEY[10:40] in text]


def test_id_that_is_a_path_leads_nowhere_else() -> None:
    """What a program puts together from other data stays one part of the path."""
    with asking(problem(404, "job_not_found")) as (server, client):
        for name in ("../me", "..", "a/b", "?x=1", "#"):
            with pytest.raises(NotFound):
                client.job(name)
    assert [asked.path for asked in server.asked] == [
        "/api/jobs/%2E%2E%2Fme",
        "/api/jobs/%2E%2E",
        "/api/jobs/a%2Fb",
        "/api/jobs/%3Fx%3D1",
        "/api/jobs/%23",
    ]
