"""Event streams over HTTP: what they tell, how they are taken up again, who may follow what, and when they end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx_sse
import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from deploy.valkey import EmbeddedValkey
from flask_api.jobs import names
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration import sample_tasks
from tests.integration.api_server import served
from tests.integration.gate_bench import SAMPLE_TASKS, Visitor, admin_of, ask, new_visitor
from tests.integration.listener import Listeners, listeners
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with the sample tasks."""
    sample_tasks.RELEASE.clear()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), job_files_url=f"file://{tmp_path / 'files'}") as app:
        yield app
        sample_tasks.RELEASE.set()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where that API is served."""
    with served(app) as address:
        yield address


@pytest.fixture
def streams(address: str) -> Iterator[Listeners]:
    """Opens streams of that API."""
    with listeners(address) as opened:
        yield opened


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


def post(app: Flask, visitor: Visitor, path: str, body: Any = None) -> TestResponse:
    """Post JSON."""
    answer = ask(app, path, method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code in (200, 202), answer.data
    return answer


def submit(app: Flask, visitor: Visitor, task: str, *, wait: int = 0, **arguments: Any) -> str:
    """Submit a job; return its id."""
    body = {"task": task, "arguments": arguments}
    return str(post(app, visitor, f"/api/jobs?wait={wait}", body).get_json()["id"])


def submit_batch(app: Flask, visitor: Visitor, task: str, arguments: list[dict[str, Any]]) -> str:
    """Submit a batch; return its id."""
    return str(post(app, visitor, "/api/batches", {"task": task, "arguments": arguments}).get_json()["id"])


def stored(admin: redis.Redis, visitor: Visitor) -> list[str]:
    """Return the ids of all events that Redis holds of this person."""
    entries: Any = admin.xrange(names.events(str(visitor.person.pk)))
    return [position.decode() for position, _ in entries]


def test_stream_of_a_job_tells_everything_until_it_has_ended(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """First how it stands, then progress and the outcome, each soon; then the server says that this was all, and closes."""
    job = submit(app, visitor, "sample.hang")
    stream = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie)
    assert stream.status == 200
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-store"
    assert stream.headers["X-Accel-Buffering"] == "no"
    first = stream.wait_for("status")
    assert stream.kinds()[0] == "ready"
    assert first.data["status"] in ("queued", "running")
    assert first.data.keys() == {"job", "status", "attempt", "max_attempts", "cancel_requested", "progress"}
    wait_until(lambda: stream.statuses()[-1] == (job, "running"), timeout_s=5)
    sample_tasks.RELEASE.set()
    told = stream.wait_for_end()
    assert stream.statuses()[-1] == (job, "succeeded")
    assert (told[-1].kind, told[-1].data) == ("end", {"reason": "finished"})
    assert stream.wire.retry_ms == 2000


def test_words_of_a_job_come_as_they_are_said(app: Flask, streams: Listeners, visitor: Visitor, tmp_path: Path) -> None:
    """Log lines as objects, progress, files: as the record and the log show them."""
    everything = streams.open("/api/events", cookie=visitor.cookie)
    everything.wait_for("ready")
    job = submit(app, visitor, "sample.words", folder=str(tmp_path))
    wait_until(lambda: (job, "succeeded") in everything.statuses(), timeout_s=10)
    reports = [event.data for event in everything.events if event.kind == "report"]
    lines = [line for report in reports for line in report.get("log", ())]
    log = ask(app, f"/api/jobs/{job}/log", cookie=visitor.cookie).get_data(as_text=True).splitlines()
    assert lines == [json.loads(line) for line in log]
    assert [report["progress"]["message"] for report in reports if "progress" in report][-1] == "done"
    assert [file["name"] for file in reports[-2].get("files", reports[-1].get("files", []))]
    assert {report["job"] for report in reports} == {job}


def test_stream_of_an_ended_job_tells_how_it_stands_and_closes(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """No race between a look at the record and the stream: who comes late is told all the same."""
    job = submit(app, visitor, "sample.fail", wait=5, message="no")
    stream = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie)
    stream.wait_for_end()
    assert stream.kinds() == ["ready", "status", "end"]
    assert stream.statuses() == [(job, "failed")]


def test_everything_of_a_person_is_told_and_nothing_of_others(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """Two people follow; each hears of their own jobs only, in the order in which it happened."""
    other = new_visitor()
    mine, theirs = (streams.open("/api/events", cookie=each.cookie) for each in (visitor, other))
    mine.wait_for("ready")
    theirs.wait_for("ready")
    jobs = [submit(app, visitor, "sample.echo") for _ in range(3)]
    foreign = submit(app, other, "sample.echo")
    wait_until(lambda: mine.statuses().count((jobs[-1], "succeeded")) == 1, timeout_s=10)
    wait_until(lambda: (foreign, "succeeded") in theirs.statuses(), timeout_s=10)
    for job in jobs:
        assert mine.statuses_of(job) == ["running", "succeeded"]
    assert {name for name, _ in mine.statuses()} == set(jobs)
    assert {name for name, _ in theirs.statuses()} == {foreign}


@pytest.mark.parametrize("way", ["header", "query", "header before query"])
def test_broken_stream_is_taken_up_without_a_gap(
    app: Flask, streams: Listeners, visitor: Visitor, admin: redis.Redis, way: str
) -> None:
    """Break it anywhere, let more happen, come back with the last id: each event once, none missing."""
    before = streams.open("/api/events", cookie=visitor.cookie)
    before.wait_for("ready")
    for _ in range(3):
        submit(app, visitor, "sample.echo", wait=5)
    before.wait_for("status", count=4)
    before.hang_up()
    seen = [event.id for event in before.events if event.kind == "status"]
    for _ in range(3):
        submit(app, visitor, "sample.echo", wait=5)
    query = {"header": "", "query": f"?last_event_id={seen[-1]}", "header before query": "?last_event_id=0-0"}[way]
    last = None if way == "query" else seen[-1]
    after = streams.open(f"/api/events{query}", cookie=visitor.cookie, last_event_id=last)
    submit(app, visitor, "sample.echo", wait=5)
    wait_until(lambda: len(seen) + after.kinds().count("status") >= len(stored(admin, visitor)), timeout_s=10)
    seen += [event.id for event in after.events if event.kind == "status"]
    assert seen == stored(admin, visitor)
    assert "reset" not in after.kinds()


def test_resumed_stream_of_an_ended_job_tells_the_rest_and_ends(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """What the client missed, then the end; a client that missed nothing is told only that."""
    everything = streams.open("/api/events", cookie=visitor.cookie)
    job = submit(app, visitor, "sample.echo", wait=5)
    submit(app, visitor, "sample.echo", wait=5)
    wait_until(lambda: "succeeded" in everything.statuses_of(job), timeout_s=10)
    *_, running, succeeded = [event for event in everything.events if event.data.get("job") == job]
    resumed = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie, last_event_id=running.id)
    told = resumed.wait_for_end()
    assert [event.kind for event in told] == ["ready", "status", "end"]
    assert told[1] == succeeded
    nothing_new = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie, last_event_id=succeeded.id)
    assert [event.kind for event in nothing_new.wait_for_end()] == ["ready", "end"]


def test_whole_life_of_a_job_is_told_from_zero(app: Flask, streams: Listeners, visitor: Visitor) -> None:
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
    admin.xtrim(names.events(str(visitor.person.pk)), maxlen=1, approximate=False)
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


def test_event_of_another_life_of_redis_gives_a_reset(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """An id from the future would wait for ever; of a person without any event, too."""
    for _ in range(2):
        stream = streams.open("/api/events", cookie=visitor.cookie, last_event_id="18446744073709551615-0")
        stream.wait_for("reset")
        submit(app, visitor, "sample.echo", wait=5)


ODD_IDS = ["x", "1", "1-", "-1-0", "1-2-3", "1.5-0", "٣-٣", "1-0 ", "9" * 30 + "-0", "18446744073709551616-0", "$", "1-0\x01"]


def test_odd_last_event_id_is_refused_by_name(app: Flask, visitor: Visitor) -> None:
    """400 that names where it was and what is accepted, before anything is looked up."""
    for text in ODD_IDS:
        answer = ask(app, "/api/events", cookie=visitor.cookie, query_string={"last_event_id": text})
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


def test_batch_is_followed_by_its_counts(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """Its counts first and last, the end of each of its jobs between, and nothing of other jobs."""
    batch = submit_batch(app, visitor, "sample.hang", [{}] * 3)
    stream = streams.open(f"/api/batches/{batch}/events", cookie=visitor.cookie)
    first = stream.wait_for("counts").data
    assert stream.kinds()[0] == "ready"
    assert (first["batch"], first["total"], first["finished_at"]) == (batch, 3, None)
    submit(app, visitor, "sample.echo", wait=5)
    sample_tasks.RELEASE.set()
    told = stream.wait_for_end()
    assert [status for _, status in stream.statuses()] == ["succeeded"] * 3
    assert [event.kind for event in told[-2:]] == ["counts", "end"]
    assert told[-2].data["counts"]["succeeded"] == 3
    assert told[-2].data["finished_at"]
    again = streams.open(f"/api/batches/{batch}/events", cookie=visitor.cookie)
    assert [event.kind for event in again.wait_for_end()] == ["ready", "counts", "end"]
    resumed = streams.open(f"/api/batches/{batch}/events", cookie=visitor.cookie, last_event_id=told[-3].id)
    assert [event.kind for event in resumed.wait_for_end()] == ["ready", "counts", "end"]


def test_queued_jobs_of_a_cancelled_batch_are_told(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """Each job's end, also of those that never ran."""
    batch = submit_batch(app, visitor, "sample.hang", [{}] * 30)
    stream = streams.open(f"/api/batches/{batch}/events", cookie=visitor.cookie)
    stream.wait_for("counts")
    post(app, visitor, f"/api/batches/{batch}/cancel")
    told = stream.wait_for_end()
    assert sorted(status for _, status in stream.statuses()) == ["cancelled"] * 30
    assert told[-2].data["counts"]["cancelled"] == 30


def test_stream_goes_on_when_a_failed_job_is_retried(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """An old failure that is told again is not the end of a job that runs anew."""
    job = submit(app, visitor, "sample.fail", wait=5, message="no")
    post(app, visitor, f"/api/jobs/{job}/retry")
    stream = streams.open(f"/api/jobs/{job}/events?last_event_id=0", cookie=visitor.cookie)
    stream.wait_for_end()
    assert stream.statuses_of(job) == ["running", "failed"] * 2


def test_only_who_may_see_a_job_may_follow_it(app: Flask, streams: Listeners, visitor: Visitor) -> None:
    """Nobody: 401; another person: 404, as for a job that is not there; staff: yes."""
    job = submit(app, visitor, "sample.echo", wait=5)
    batch = submit_batch(app, visitor, "sample.echo", [{}])
    other, staff = new_visitor(), new_visitor(is_staff=True)
    for path in (f"/api/jobs/{job}/events", f"/api/batches/{batch}/events"):
        assert streams.open(path).status == 401
        refused = streams.open(path, cookie=other.cookie)
        assert (refused.status, refused.problem["code"]) == (404, "job_not_found")
        assert streams.open(path, cookie=staff.cookie).wait_for_end()[-1].data == {"reason": "finished"}
    assert streams.open("/api/events").status == 401
    nowhere = "00000000-0000-7000-8000-000000000000"
    for path in (f"/api/jobs/{nowhere}/events", f"/api/batches/{nowhere}/events", "/api/jobs/x/events"):
        assert streams.open(path, cookie=visitor.cookie).status == 404


def test_key_needs_the_scope(streams: Listeners, visitor: Visitor) -> None:
    """jobs:read opens a stream, another scope doesn't."""
    from django_site.keys.issue import create_key

    _, reader = create_key(visitor.person, name="reader", scopes=["jobs:read"], expires_in_days=1)
    _, submitter = create_key(visitor.person, name="submitter", scopes=["jobs:submit"], expires_in_days=1)
    assert streams.open("/api/events", key=reader).status == 200
    refused = streams.open("/api/events", key=submitter)
    assert (refused.status, refused.problem["code"]) == (403, "permission_denied")


def test_common_client_library_reads_the_format(app: Flask, address: str, visitor: Visitor) -> None:
    """httpx-sse, an independent reader of the standard, sees the same events, and none for heartbeats."""
    job = submit(app, visitor, "sample.echo", wait=5)
    with (
        httpx.Client(base_url=address, headers={"Cookie": f"sessionid={visitor.cookie}"}, trust_env=False) as client,
        httpx_sse.connect_sse(client, "GET", f"/api/jobs/{job}/events?last_event_id=0") as source,
    ):
        told = [(event.event, event.json()) for event in source.iter_sse()]
    assert (told[0], told[-1]) == (("ready", {}), ("end", {"reason": "finished"}))
    assert {kind for kind, _ in told[1:-1]} == {"status"}
    assert told[-2][1] == {"job": job, "status": "succeeded"}
