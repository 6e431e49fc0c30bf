"""A process that ends without a word is missed at once by another of its machine, and leaves
nothing that goes on."""

import pytest

from flask_api.jobs.records import keyspace
from tests.chaos.processes import tree_of
from tests.integration.engine.engine_bench import EngineBench
from tests.processes import is_gone
from tests.waiting import wait_until


def test_killed_neighbour_is_not_waited_for(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for the end of its heartbeat nor for silence after that: its job runs again, and it
    takes part no more."""
    monkeypatch.setattr("flask_api.jobs.membership.SUSPECT_S", 600.0)
    child = bench.start_process(GATEHOUSE_JOB_HEARTBEAT_S="60")
    other = bench.start()
    (job_id,) = child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=30, what="it runs")
    wait_until(lambda: other._membership._neighbours._seen, timeout_s=30, what="it was seen")
    child.kill()
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=30, what="it runs again")
    bench.go()
    assert bench.outcome(other, job_id).attempt == 2
    assert bench.admin.smembers(keyspace.INSTANCES) == {other.instance}


def test_predecessor_that_was_killed_is_not_waited_for(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server alone that is started again never saw it: a Redis behind a socket of this machine
    was told of it by this machine, and by no copy."""
    monkeypatch.setattr("flask_api.jobs.membership.SUSPECT_S", 600.0)
    child = bench.start_process(GATEHOUSE_JOB_HEARTBEAT_S="60")
    (job_id,) = child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=30, what="it runs")
    child.kill()
    other = bench.start()
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=10, what="it runs again")
    bench.go()
    assert bench.outcome(other, job_id).attempt == 2
    assert bench.admin.smembers(keyspace.INSTANCES) == {other.instance}


@pytest.mark.parametrize("task", ["child.deaf", "child.hog"])
def test_children_end_with_their_killed_server(bench: EngineBench, task: str) -> None:
    """A child must not go on with a job that another server runs by then, whatever it does."""
    child = bench.start_process()
    child.submit(task, [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=30, what="it runs")
    before = tree_of(child.pid)[1:]
    assert len(before) >= 2
    child.kill()
    wait_until(lambda: all(map(is_gone, before)), timeout_s=5, what="no process of it is left")
