"""Search in one's jobs: what they were given and what they made, bounded, and said how far."""

from typing import Any

import pytest
from flask import Flask

from tests.integration.api.submitting import submit, tasks_api
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")
__all__ = ["tasks_api"]


def found(app: Flask, visitor: Visitor, q: str, **query: Any) -> dict[str, Any]:
    """Return the answer to a search."""
    answer = ask(app, "/api/jobs", cookie=visitor.cookie, query_string={"q": q, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def ids(answer: dict[str, Any]) -> list[str]:
    """Return the ids of a page."""
    return [job["id"] for job in answer["jobs"]]


def test_words_are_found_in_arguments_results_and_errors_of_ones_own_jobs(
    tasks_api: Flask,
) -> None:
    """All words, whatever the case, also of other alphabets; with the other filters; nobody
    else's."""
    ada, other = new_visitor(), new_visitor()
    given = submit(tasks_api, ada, "sample.echo", wait_s=10, value="Grüße aus Ulm").get_json()
    summed = submit(tasks_api, ada, "primes.sum", wait_s=20, limit=100_000).get_json()
    failed = submit(tasks_api, ada, "sample.fail", wait_s=10, message="Kaputt").get_json()
    for q, wanted in {
        "GRÜSSE ulm": [given["id"]],
        "454396537": [summed["id"]],
        "primes.sum 100000": [summed["id"]],
        "kaputt": [failed["id"]],
        "ulm kaputt": [],
        '"a': [],
    }.items():
        answer = found(tasks_api, ada, q)
        assert ids(answer) == wanted, q
        assert answer["searched"] == {"jobs": 3, "long_results": 0}
        assert answer["next_cursor"] is None
    assert ids(found(tasks_api, ada, "kaputt", status="succeeded")) == []
    assert ids(found(tasks_api, ada, "ulm", task="sample.echo")) == [given["id"]]
    assert ids(found(tasks_api, other, "ulm")) == []
    assert ask(tasks_api, f"/api/jobs?q={'x' * 201}", cookie=ada.cookie).status_code == 400


def test_long_results_are_counted_not_read_and_pages_go_on(tasks_api: Flask) -> None:
    """A page has as many as asked for; its cursor leads to the next, each job once."""
    ada = new_visitor()
    long = submit(tasks_api, ada, "sample.big", wait_s=10, size=70_000).get_json()
    several = [
        submit(tasks_api, ada, "sample.echo", wait_s=10, value=f"xx {n}").get_json()["id"]
        for n in range(5)
    ]
    first = found(tasks_api, ada, "xx", limit=2)
    assert ids(first) == several[:2:-1]
    assert "q=xx" in first["links"]["next"]
    listed, cursor = ids(first), first["next_cursor"]
    while cursor:
        answer = found(tasks_api, ada, "xx", limit=2, cursor=cursor)
        listed, cursor = listed + ids(answer), answer["next_cursor"]
    assert listed == several[::-1]
    assert answer["searched"]["long_results"] == 1
    assert ids(found(tasks_api, ada, "sample.big")) == [long["id"]]
