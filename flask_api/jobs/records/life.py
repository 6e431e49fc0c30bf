"""The life of a job: every step there is. What is not listed can't happen: nothing changes then.

Scripts make the steps (lua/), docs/jobs.md shows them, and tests/contract/test_job_life.py walks
through all of them, and tries all others, on a real Redis.
"""

from enum import StrEnum
from typing import NamedTuple

from flask_api.jobs.records.job import JobStatus


class Happening(StrEnum):
    """What can happen to a job."""

    ACCEPT = "accept"  # it waits for a slot
    ACCEPT_AND_BEGIN = "accept and begin"  # a slot was free
    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    REQUEUE = "requeue"  # another attempt follows, or another process goes on
    CANCEL = "cancel"  # its person asks
    STOP = "stop"  # the attempt ended because of that
    RETRY = "retry"  # its person asks
    DELETE = "delete"  # its person asks
    EXPIRE = "expire"  # its time is over; only that it was there is remembered


class Step(NamedTuple):
    """Where a happening leads, the script that makes it so, and the event that is told ('' none).

    ``to`` is None when the job is gone.
    """

    to: JobStatus | None
    script: str
    event: str


_WAITS, _RUNS = JobStatus.QUEUED, JobStatus.RUNNING

LIFE: dict[tuple[JobStatus | None, Happening], Step] = {
    (None, Happening.ACCEPT): Step(_WAITS, "submit", "queued"),
    (None, Happening.ACCEPT_AND_BEGIN): Step(_RUNS, "submit", "running"),
    (_WAITS, Happening.BEGIN): Step(_RUNS, "turn", "running"),
    (_WAITS, Happening.CANCEL): Step(JobStatus.CANCELLED, "cancel", "cancelled"),
    (_RUNS, Happening.SUCCEED): Step(JobStatus.SUCCEEDED, "turn", "succeeded"),
    (_RUNS, Happening.FAIL): Step(JobStatus.FAILED, "turn", "failed"),
    (_RUNS, Happening.REQUEUE): Step(_WAITS, "turn", "queued"),
    (_RUNS, Happening.CANCEL): Step(_RUNS, "cancel", "cancel_requested"),
    (_RUNS, Happening.STOP): Step(JobStatus.CANCELLED, "turn", "cancelled"),
    (JobStatus.FAILED, Happening.RETRY): Step(_WAITS, "retry", "queued"),
    (JobStatus.CANCELLED, Happening.RETRY): Step(_WAITS, "retry", "queued"),
    **{
        (ended, happening): Step(None, "remove", event)
        for ended in JobStatus
        if ended.is_outcome
        for happening, event in ((Happening.DELETE, "deleted"), (Happening.EXPIRE, ""))
    },
}
