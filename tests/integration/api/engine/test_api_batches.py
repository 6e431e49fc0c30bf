"""Batches over HTTP: their records and results, what is refused, cancels."""

from typing import Any

import pytest
from flask import Flask

from tests.integration.api.engine.engine_api import app, get, lines_of, post, visitor
from tests.integration.gate.gate_bench import Visitor, ask

pytestmark = pytest.mark.usefixtures("site")

__all__ = ["app", "visitor"]


def test_repeated_batch_is_the_same_batch(app: Flask, visitor: Visitor) -> None:
    """By its key."""
    body = {"task": "sample.echo", "arguments": [{"value": 1}, {"value": 2}]}
    answers = [post(app, visitor, "/api/batches", body, Idempotency_Key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].get_json()["id"] == answers[1].get_json()["id"]


def test_batch_record_and_results(app: Flask, visitor: Visitor) -> None:
    """The record as documented; results as lines, in both orders, from any number on."""
    arguments = [{"value": number} for number in range(5)]
    answer = post(app, visitor, "/api/batches", {"task": "sample.echo", "arguments": arguments})
    batch = answer.get_json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == batch["links"]["self"]
    assert batch["total"] == sum(batch["counts"].values()) == 5
    assert set(batch["counts"]) == {"queued", "running", "succeeded", "failed", "cancelled"}
    results = batch["links"]["results"]
    ordered = lines_of(ask(app, f"{results}?order=submission&wait=5", cookie=visitor.cookie))
    assert [line["position"] for line in ordered] == [0, 1, 2, 3, 4]
    assert [line["result"] for line in ordered] == [[number] for number in range(5)]
    assert {line["status"] for line in ordered} == {"succeeded"}
    by_end = lines_of(ask(app, f"{results}?wait=5", cookie=visitor.cookie))
    assert sorted(line["id"] for line in by_end) == sorted(line["id"] for line in ordered)
    assert len(lines_of(ask(app, f"{results}?after=3", cookie=visitor.cookie))) == 2
    done = get(app, visitor, batch["links"]["self"])
    assert (done["progress"], bool(done["finished_at"])) == ({"done": 5, "total": 5}, True)
    assert get(app, visitor, f"/api/jobs/{ordered[0]['id']}")["batch"] == batch["id"]


@pytest.mark.parametrize(
    "listing", ["results?order=submission", "results?wait=0.1", "jobs?limit=2"]
)
def test_number_beyond_what_redis_takes_is_refused(
    app: Flask, visitor: Visitor, listing: str
) -> None:
    """And told by its name; one beyond the last job is an empty answer."""
    batch = post(app, visitor, "/api/batches", {"task": "sample.echo", "arguments": [{}]})
    here = batch.get_json()["links"]["self"]
    beyond = ask(app, f"{here}/{listing}&after=259791339574010132333330432", cookie=visitor.cookie)
    assert (beyond.status_code, beyond.get_json()["errors"][0]["parameter"]) == (400, "after")
    assert ask(app, f"{here}/{listing}&after=1000", cookie=visitor.cookie).status_code == 200


def test_wrong_batch_is_refused_whole_with_pointers(app: Flask, visitor: Visitor) -> None:
    """Each wrong set is named; too many, none, or no list at all is 422; nothing is accepted."""
    wrong = post(
        app,
        visitor,
        "/api/batches",
        {"task": "sample.echo", "arguments": [{}, {"count": "1"}, {"no": 1}]},
    )
    assert wrong.status_code == 422
    assert [line["pointer"] for line in wrong.get_json()["errors"]] == [
        "/arguments/1/count",
        "/arguments/2/no",
    ]
    unfit: list[Any] = [[], {}, [1], "x", [{}] * 9]
    for arguments in unfit:
        answer = post(app, visitor, "/api/batches", {"task": "sample.echo", "arguments": arguments})
        assert answer.status_code == 422, arguments
        assert answer.get_json()["errors"][0]["pointer"].startswith("/arguments")
    assert get(app, visitor, "/api/jobs")["jobs"] == []


def test_batch_is_cancelled(app: Flask, visitor: Visitor) -> None:
    """202; all of it ends; the results say so."""
    batch = post(
        app, visitor, "/api/batches", {"task": "sample.hang", "arguments": [{}] * 5}
    ).get_json()
    assert post(app, visitor, batch["links"]["cancel"]).status_code == 202
    lines = lines_of(ask(app, f"{batch['links']['results']}?wait=5", cookie=visitor.cookie))
    assert [line["status"] for line in lines] == ["cancelled"] * 5
    assert get(app, visitor, batch["links"]["self"])["counts"]["cancelled"] == 5
