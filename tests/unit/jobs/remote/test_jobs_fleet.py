"""What is told of workers elsewhere: to operators by name, to everybody by number, once each."""

import dataclasses

import pytest

from flask_api.jobs.workers.remote.fleet import FleetReport, FleetWatch

WELL = FleetReport(executor="rq", workers=2, slots=8, unserved=(), differing=(), strangers=0)
GONE = dataclasses.replace(WELL, workers=0, slots=0, unserved=("a.a", "b.b"))


def test_what_is_wrong_is_logged_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not again while it lasts, and of a list that grows only what is new."""
    watch = FleetWatch()
    worse = dataclasses.replace(WELL, unserved=("a.a",), differing=("c.c",))
    worst = dataclasses.replace(worse, unserved=("a.a", "b.b"), strangers=1)
    worst = dataclasses.replace(worst, elsewhere=2, other_secrets=1, broker_away=True)
    for report in (WELL, WELL, GONE, GONE, worse, worse, worst, worst, WELL, WELL):
        watch.note(report)
    assert [record.getMessage() for record in caplog.records] == [
        "rq: no worker is alive",
        "rq: no worker runs a.a",
        "rq: workers have other arguments or another version of c.c",
        "rq: no longer so: no worker is alive",
        "rq: its broker is away, so nothing is sent",
        "rq: no worker runs b.b",
        "rq: workers of another version of Gatehouse are sent nothing",
        "rq: workers that listen to another broker are sent nothing",
        "rq: workers with another GATEHOUSE_WORKER_SECRETS are sent nothing",
        "rq: its broker is back",
        "rq: no longer so: no worker runs a.a, b.b",
        "rq: no longer so: workers have other arguments or another version of c.c",
        "rq: no worker has another GATEHOUSE_WORKER_SECRETS any more",
        "rq: no worker is of another version of Gatehouse any more",
        "rq: no worker listens to another broker any more",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_broker_that_refuses_is_not_called_away() -> None:
    """To wait for it would be in vain."""
    report = dataclasses.replace(WELL, broker_away=True, broker_refuses=True)
    assert report.summary() == ["rq: its broker refuses this server, so nothing is sent."]


def test_lines_are_short_however_many_tasks_there_are(caplog: pytest.LogCaptureFixture) -> None:
    """Ten are named."""
    tasks = tuple(f"many.task_{number}" for number in range(1000))
    FleetWatch().note(dataclasses.replace(WELL, unserved=tasks))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("and 990 more")
    assert len(line) < 300


def test_what_everybody_may_read_names_no_task() -> None:
    """How many, and of which executor."""
    report = dataclasses.replace(WELL, unserved=("a.a",), differing=("a.b", "a.c"), strangers=3)
    assert WELL.summary() == []
    assert GONE.summary() == ["rq: no worker is alive."]
    assert report.summary() == [
        "rq: no worker runs 1 task.",
        "rq: workers have other arguments or another version of 2 tasks.",
        "rq: workers of another version of Gatehouse are sent nothing.",
    ]
