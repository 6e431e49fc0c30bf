"""Event streams that are taken up again: nothing twice, nothing missing,
a reset where that can't be; odd ids are refused."""

from typing import Any

import pytest
import redis
from flask import Flask

from flask_api.jobs.records import keyspace
from tests.integration.api.listener import Listeners
from tests.integration.gate.gate_bench import Visitor, ask, post, submit
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


def stored(admin: redis.Redis, visitor: Visitor) -> list[str]:
    """Return the ids of all events that Redis holds of this person."""
    entries: Any = admin.xrange(keyspace.events(str(visitor.person.pk)))
    return [position.decode() for position, _ in entries]


@pytest.mark.parametrize("way", ["header", "query", "header before query"])
def test_broken_stream_is_taken_up_without_a_gap(
    app: Flask, streams: Listeners, visitor: Visitor, admin: redis.Redis, way: str
) -> None:
    """Break it anywhere, let more happen, come back with the last id:
    each event once, none missing."""
    before = streams.open("/api/events", cookie=visitor.cookie)
    before.wait_for("ready")
    for _ in range(3):
        submit(app, visitor, "sample.echo", wait=5)
    before.wait_for("status", count=4)
    before.hang_up()
    seen = [event.id for event in before.events if event.kind == "status"]
    for _ in range(3):
        submit(app, visitor, "sample.echo", wait=5)
    query = {
        "header": "",
        "query": f"?last_event_id={seen[-1]}",
        "header before query": "?last_event_id=0-0",
    }[way]
    last = None if way == "query" else seen[-1]
    after = streams.open(f"/api/events{query}", cookie=visitor.cookie, last_event_id=last)
    submit(app, visitor, "sample.echo", wait=5)
    wait_until(
        lambda: len(seen) + after.kinds().count("status") >= len(stored(admin, visitor)),
        timeout_s=10,
    )
    seen += [event.id for event in after.events if event.kind == "status"]
    assert seen == stored(admin, visitor)
    assert "reset" not in after.kinds()


def test_resumed_stream_of_an_ended_job_tells_the_rest_and_ends(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """What the client missed, then the end; a client that missed nothing is told only that."""
    everything = streams.open("/api/events", cookie=visitor.cookie)
    job = submit(app, visitor, "sample.echo", wait=5)
    submit(app, visitor, "sample.echo", wait=5)
    wait_until(lambda: "succeeded" in everything.statuses_of(job), timeout_s=10)
    *_, running, succeeded = [event for event in everything.events if event.data.get("job") == job]
    resumed = streams.open(
        f"/api/jobs/{job}/events", cookie=visitor.cookie, last_event_id=running.id
    )
    told = resumed.wait_for_end()
    assert [event.kind for event in told] == ["ready", "status", "end"]
    assert told[1] == succeeded
    nothing_new = streams.open(
        f"/api/jobs/{job}/events", cookie=visitor.cookie, last_event_id=succeeded.id
    )
    assert [event.kind for event in nothing_new.wait_for_end()] == ["ready", "end"]


def test_whole_life_of_a_job_is_told_from_zero(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """``last_event_id=0`` is the beginning of all that is held."""
    job = submit(app, visitor, "sample.echo", wait=5)
    stream = streams.open(f"/api/jobs/{job}/events?last_event_id=0", cookie=visitor.cookie)
    told = stream.wait_for_end()
    assert (told[0].kind, told[-1].kind) == ("ready", "end")
    assert stream.statuses_of(job) == ["running", "succeeded"]
    assert told[1].data["task"] == "sample.echo"


def test_event_that_is_no_longer_held_gives_a_reset(
    app: Flask, streams: Listeners, visitor: Visitor, admin: redis.Redis
) -> None:
    """The first word is reset, then how things stand now and what happens from there."""
    job = submit(app, visitor, "sample.echo", wait=5)
    admin.xtrim(keyspace.events(str(visitor.person.pk)), maxlen=1, approximate=False)
    everything = streams.open("/api/events", cookie=visitor.cookie, last_event_id="1-0")
    everything.wait_for("reset")
    later = submit(app, visitor, "sample.echo", wait=5)
    wait_until(lambda: (later, "succeeded") in everything.statuses(), timeout_s=10)
    assert set(everything.kinds()[1:]) == {"status"}
    assert everything.statuses_of(later) == ["running", "succeeded"]
    assert everything.events[0].id == stored(admin, visitor)[0]
    of_job = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie, last_event_id="1-0")
    of_job.wait_for_end()
    assert of_job.kinds() == ["reset", "status", "end"]


def test_event_of_another_life_of_redis_gives_a_reset(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """An id from the future would wait for ever; of a person without any event, too."""
    for _ in range(2):
        stream = streams.open(
            "/api/events", cookie=visitor.cookie, last_event_id="18446744073709551615-0"
        )
        stream.wait_for("reset")
        submit(app, visitor, "sample.echo", wait=5)


ODD_IDS = [
    "x",
    "1",
    "1-",
    "-1-0",
    "1-2-3",
    "1.5-0",
    "٣-٣",
    "1-0 ",
    "9" * 30 + "-0",
    "18446744073709551616-0",
    "$",
    "1-0\x01",
]


def test_odd_last_event_id_is_refused_by_name(app: Flask, visitor: Visitor) -> None:
    """400 that names where it was and what is accepted, before anything is looked up."""
    for text in ODD_IDS:
        answer = ask(
            app, "/api/events", cookie=visitor.cookie, query_string={"last_event_id": text}
        )
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request"), text
        assert "last_event_id" in answer.get_json()["detail"]
        if text.isascii() and text.isprintable() and text.strip() == text:
            answer = ask(app, "/api/events", cookie=visitor.cookie, headers={"Last-Event-ID": text})
            assert answer.status_code == 400, text
            assert "Last-Event-ID" in answer.get_json()["detail"]


@pytest.mark.parametrize("query", ["?since=1-0", "?last_event_id=1-0&last_event_id=2-0", "?wait=3"])
def test_odd_parameter_is_refused(app: Flask, visitor: Visitor, query: str) -> None:
    """Unknown or repeated: 400."""
    answer = ask(app, f"/api/events{query}", cookie=visitor.cookie)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query")


def test_stream_goes_on_when_a_failed_job_is_retried(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """An old failure that is told again is not the end of a job that runs anew."""
    job = submit(app, visitor, "sample.fail", wait=5, message="no")
    post(app, visitor, f"/api/jobs/{job}/retry")
    stream = streams.open(f"/api/jobs/{job}/events?last_event_id=0", cookie=visitor.cookie)
    stream.wait_for_end()
    assert stream.statuses_of(job) == ["running", "failed"] * 2
