"""What httpx says of a request that is no broken connection is one of the client's errors, too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse import BadAnswer, Executor, InvalidRequest, Unavailable
from gatehouse.protocol import requests
from gatehouse.protocol.followers import ResultsFollower
from gatehouse.transport.downloads import Target
from tests.client.odd_server import Page
from tests.client.transport.test_answers import asking

UNREADABLE = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}


def test_answer_that_can_not_be_unpacked_is_a_bad_answer(tmp_path: Path) -> None:
    """A proxy says gzip where nothing is packed: whole answers, lines, files, events."""
    target = Target(tmp_path, name="a.txt")
    with asking(Page(200, "no gzip", UNREADABLE)) as (_, client):
        asked: list[Callable[[], object]] = [
            client.me,
            lambda: list(client.connection.fetch_lines(requests.get_log("some"))),
            lambda: client.connection.fetch_file(requests.get_file("some", "a.txt"), target),
        ]
        for ask_for in asked:
            with pytest.raises(BadAnswer, match="can't be read"):
                ask_for()
    stream = UNREADABLE | {"Content-Type": "text/event-stream"}
    with (
        asking(Page(200, "no gzip", stream)) as (_, client),
        pytest.raises(BadAnswer, match="can't be read"),
    ):
        next(client.events())
    assert list(tmp_path.iterdir()) == []
    with asking(Page(503, "no gzip", UNREADABLE)) as (_, client), pytest.raises(Unavailable):
        client.me()


def test_executor_goes_on_after_an_answer_that_can_not_be_unpacked() -> None:
    """Each call has its own error; nothing of the executor ends."""
    with (
        asking(Page(200, "no gzip", UNREADABLE)) as (_, client),
        Executor(client, patience_s=1) as executor,
    ):
        for _ in range(2):
            assert isinstance(executor.submit("t", limit=1).exception(10), BadAnswer)


def test_text_that_no_header_or_address_can_hold_is_an_invalid_request() -> None:
    """A key of letters that headers don't have, half a character in a filter or an id."""
    with asking(Page(404, "{}")) as (server, client):
        with pytest.raises(InvalidRequest, match="can't be sent: 'sch"):
            client.submit("t", {}, idempotency_key="sch\u00f6n")
        with pytest.raises(InvalidRequest, match="can't be sent"):
            list(client.jobs(task="\udcff"))
        assert server.asked == []
        with pytest.raises(BadAnswer):  # this server has no job at all
            client.job("\udcff")
        assert [each.path for each in server.asked] == ["/api/jobs/%ED%B3%BF"]


def test_what_no_address_has_room_for_is_an_invalid_request() -> None:
    """An id or a filter of 70,000 characters; nothing is asked."""
    with asking(Page(200, "{}")) as (server, client):
        with pytest.raises(InvalidRequest, match="too long"):
            client.job("a" * 70_000)
        with pytest.raises(InvalidRequest, match="too long"):
            list(client.jobs(task="a" * 70_000))
        assert server.asked == []


@pytest.mark.parametrize("page", ["<html>Log in first</html>", ""])
def test_page_in_place_of_a_stream_is_a_bad_answer(page: str) -> None:
    """A proxy's own, with success: it has no events and no results, however long one follows."""
    with asking(Page(200, page)) as (_, client):
        with pytest.raises(BadAnswer, match="'text/html' where text/event-stream"):
            next(client.events())
        follower = ResultsFollower("b", total=1, order="completion", timeout_s=2, patience_s=0)
        with pytest.raises(BadAnswer, match="'text/html' where application/x-ndjson"):
            next(client.connection.follow(follower))
