"""Event streams over HTTP: what they tell of jobs, of batches and of all that is a person's,
and who may follow what."""

import json
from pathlib import Path

import httpx
import httpx_sse
import pytest
from flask import Flask

from tests.integration.api.listener import Listeners
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor, post, submit, submit_batch
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


def test_stream_of_a_job_tells_everything_until_it_has_ended(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """First how it stands, then progress and the outcome, each soon;
    then the server says that this was all, and closes."""
    job = submit(app, visitor, "sample.hang")
    stream = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie)
    assert stream.status == 200
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-store"
    assert stream.headers["X-Accel-Buffering"] == "no"
    first = stream.wait_for("status")
    assert stream.kinds()[0] == "ready"
    assert first.data["status"] in ("queued", "running")
    assert first.data.keys() == {
        "job",
        "status",
        "attempt",
        "max_attempts",
        "cancel_requested",
        "progress",
    }
    wait_until(lambda: stream.statuses()[-1] == (job, "running"), timeout_s=5)
    sample_tasks.RELEASE.set()
    told = stream.wait_for_end()
    assert stream.statuses()[-1] == (job, "succeeded")
    assert (told[-1].kind, told[-1].data) == ("end", {"reason": "finished"})
    assert stream.wire.retry_ms == 2000


def test_words_of_a_job_come_as_they_are_said(
    app: Flask, streams: Listeners, visitor: Visitor, tmp_path: Path
) -> None:
    """Log lines as objects, progress, files: as the record and the log show them."""
    everything = streams.open("/api/events", cookie=visitor.cookie)
    everything.wait_for("ready")
    job = submit(app, visitor, "sample.words", folder=str(tmp_path))
    wait_until(lambda: (job, "succeeded") in everything.statuses(), timeout_s=10)
    reports = [event.data for event in everything.events if event.kind == "report"]
    lines = [line for report in reports for line in report.get("log", ())]
    log = (
        ask(app, f"/api/jobs/{job}/log", cookie=visitor.cookie).get_data(as_text=True).splitlines()
    )
    assert lines == [json.loads(line) for line in log]
    assert [report["progress"]["message"] for report in reports if "progress" in report][
        -1
    ] == "done"
    assert [file["name"] for file in reports[-2].get("files", reports[-1].get("files", []))]
    assert {report["job"] for report in reports} == {job}


def test_stream_of_an_ended_job_tells_how_it_stands_and_closes(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """No race between a look at the record and the stream: who comes late is told all the same."""
    job = submit(app, visitor, "sample.fail", wait=5, message="no")
    stream = streams.open(f"/api/jobs/{job}/events", cookie=visitor.cookie)
    stream.wait_for_end()
    assert stream.kinds() == ["ready", "status", "end"]
    assert stream.statuses() == [(job, "failed")]


def test_everything_of_a_person_is_told_and_nothing_of_others(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
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
    resumed = streams.open(
        f"/api/batches/{batch}/events", cookie=visitor.cookie, last_event_id=told[-3].id
    )
    assert [event.kind for event in resumed.wait_for_end()] == ["ready", "counts", "end"]


def test_queued_jobs_of_a_cancelled_batch_are_told(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """Each job's end, also of those that never ran."""
    batch = submit_batch(app, visitor, "sample.hang", [{}] * 30)
    stream = streams.open(f"/api/batches/{batch}/events", cookie=visitor.cookie)
    stream.wait_for("counts")
    post(app, visitor, f"/api/batches/{batch}/cancel")
    told = stream.wait_for_end()
    assert sorted(status for _, status in stream.statuses()) == ["cancelled"] * 30
    assert told[-2].data["counts"]["cancelled"] == 30


def test_only_who_may_see_a_job_may_follow_it(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """Nobody: 401; another person: 404, as for a job that is not there; staff: yes."""
    job = submit(app, visitor, "sample.echo", wait=5)
    batch = submit_batch(app, visitor, "sample.echo", [{}])
    other, staff = new_visitor(), new_visitor(is_staff=True)
    for path in (f"/api/jobs/{job}/events", f"/api/batches/{batch}/events"):
        assert streams.open(path).status == 401
        refused = streams.open(path, cookie=other.cookie)
        assert (refused.status, refused.problem["code"]) == (404, "job_not_found")
        assert streams.open(path, cookie=staff.cookie).wait_for_end()[-1].data == {
            "reason": "finished"
        }
    assert streams.open("/api/events").status == 401
    nowhere = "00000000-0000-7000-8000-000000000000"
    for path in (
        f"/api/jobs/{nowhere}/events",
        f"/api/batches/{nowhere}/events",
        "/api/jobs/x/events",
    ):
        assert streams.open(path, cookie=visitor.cookie).status == 404


def test_key_needs_the_scope(streams: Listeners, visitor: Visitor) -> None:
    """jobs:read opens a stream, another scope doesn't."""
    from django_site.keys.issue import create_key

    _, reader = create_key(visitor.person, name="reader", scopes=["jobs:read"], expires_in_days=1)
    _, submitter = create_key(
        visitor.person, name="submitter", scopes=["jobs:submit"], expires_in_days=1
    )
    assert streams.open("/api/events", key=reader).status == 200
    refused = streams.open("/api/events", key=submitter)
    assert (refused.status, refused.problem["code"]) == (403, "permission_denied")


def test_common_client_library_reads_the_format(app: Flask, address: str, visitor: Visitor) -> None:
    """httpx-sse, an independent reader of the standard, sees the same events,
    and none for heartbeats."""
    job = submit(app, visitor, "sample.echo", wait=5)
    with (
        httpx.Client(
            base_url=address, headers={"Cookie": f"sessionid={visitor.cookie}"}, trust_env=False
        ) as client,
        httpx_sse.connect_sse(client, "GET", f"/api/jobs/{job}/events?last_event_id=0") as source,
    ):
        told = [(event.event, event.json()) for event in source.iter_sse()]
    assert (told[0], told[-1]) == (("ready", {}), ("end", {"reason": "finished"}))
    assert {kind for kind, _ in told[1:-1]} == {"status"}
    assert told[-2][1] == {"job": job, "status": "succeeded"}
