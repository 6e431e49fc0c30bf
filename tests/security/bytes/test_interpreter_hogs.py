"""Jobs that count don't slow down everybody's requests unseen:
ours run on processes, others' are named in the log."""

import logging

import pytest

from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.interpreter_watch import IS_ABLE
from tests.integration.engine import sample_tasks
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

# These wait for other servers nearly all their time;
# whatever else we ship counts, for a while at least.
WAITING = {"web.page_sizes", "github.languages"}


def test_every_task_of_ours_that_counts_runs_on_processes() -> None:
    """A new task on threads must be looked at here:
    does it wait, or does it hold the interpreter?"""
    assert {
        task.name
        for task in load_tasks(["flask_api.tasks.library"])
        if task.policy.executor == "threads"
    } == WAITING


@pytest.mark.skipif(not IS_ABLE, reason="other systems have no clocks of threads")
def test_task_that_hogs_the_interpreter_is_named_once(
    bench: EngineBench, caplog: pytest.LogCaptureFixture
) -> None:
    """With where it is; a job that waits beside it is not."""
    sample_tasks.RELEASE.clear()
    engine = bench.start()
    with caplog.at_level(logging.WARNING, logger="gatehouse.jobs"):
        bench.submit(engine, "sample.hang")
        jobs = [bench.submit(engine, "sample.spin") for _ in range(2)]
        wait_until(lambda: bool(_warnings(caplog)), timeout_s=60, what="the task is named")
        for job_id in jobs:
            engine.cancel(engine.get(job_id, viewer=bench.owner))
        for job_id in jobs:
            bench.outcome(engine, job_id, timeout_s=30)
    (record,) = _warnings(caplog)
    assert (vars(record)["task"], vars(record)["jobs"]) == ("sample.spin", 2)
    assert "sample_tasks.py" in vars(record)["at"]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "hogs the interpreter" in record.getMessage()]
