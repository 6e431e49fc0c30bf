"""One person's line: what a process that died had begun goes before all that waits."""

from collections.abc import Iterator
from typing import Any

import pytest

from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.workers.lanes import Lanes

LOST = ({"attempt": 1, "error": {"type": "WorkerLost", "message": "died"}},)
FAILED = ({"attempt": 1, "error": {"type": "ValueError", "message": "no"}},)


def queued(name: str, **more: object) -> QueuedJob:
    """Return a job of the batch and the task that its name begins with: ``<task><batch><number>``."""
    return QueuedJob(name, task=name[0], arguments="{}", owner_id="ada", batch=name[1], **more)  # type: ignore[arg-type]


def put(lanes: Lanes, *jobs: QueuedJob) -> None:
    """Add each to its line."""
    for job in jobs:
        lanes.put(0, job.task, job.batch, [job])


def take_all(lanes: Lanes) -> list[str]:
    """Take one after the other."""
    taken: list[str] = []
    while line := lanes.find_next(lambda _: True):
        taken += [job.job_id for job in lanes.take(*line, 1)]
    return taken


@pytest.fixture
def lanes() -> Lanes:
    """Two tasks, t with ten batches of three jobs each, u with one."""
    lanes = Lanes()
    put(lanes, *(queued(f"t{batch}{number}") for batch in range(10) for number in range(3)))
    put(lanes, queued("u00"))
    return lanes


def test_lost_jobs_go_before_all_batches_and_tasks(lanes: Lanes) -> None:
    """Whatever waits: several of one batch, and some of others, are first."""
    lost = [queued(name, attempts=LOST) for name in ("t87", "t88", "t58", "u09")]
    put(lanes, *lost)
    assert set(take_all(lanes)[:4]) == {job.job_id for job in lost}


def test_lost_jobs_that_come_first_stay_first(lanes: Lanes) -> None:
    """In which order a dead process's jobs are taken over is chance."""
    fresh = Lanes()
    put(fresh, queued("t87", attempts=LOST), queued("t57", attempts=LOST))
    put(fresh, *lanes)
    assert set(take_all(fresh)[:2]) == {"t87", "t57"}


def test_lost_job_that_may_not_run_yet_is_first_again(lanes: Lanes) -> None:
    """A task at its limit gives it back; then other batches' jobs don't overtake it."""
    put(lanes, queued("t87", attempts=LOST))
    (taken,) = lanes.take(0, "t", 1)
    lanes.put_back(taken)
    assert take_all(lanes)[0] == "t87"


@pytest.mark.parametrize("is_one_call", [False, True])
def test_lost_job_goes_before_retries_of_its_batch_that_come_later(
    lanes: Lanes, is_one_call: bool
) -> None:
    """They become due while it waits, hundreds perhaps: each was to be first in line."""
    put(lanes, queued("t87", attempts=LOST), queued("t88", attempts=LOST))
    retries = [queued(f"t8r{number}", attempts=FAILED) for number in range(9)]
    if is_one_call:
        lanes.put(0, "t", "8", retries)
    else:
        put(lanes, *retries)
    assert {job.job_id for job in list(lanes) if job.was_lost} == {"t87", "t88"}
    assert set(take_all(lanes)[:2]) == {"t87", "t88"}


def test_job_that_may_not_run_yet_goes_behind_lost_ones_of_its_batch(lanes: Lanes) -> None:
    """It is given back while they wait: it is the first of the others."""
    lanes.put_back(queued("t8x"))
    put(lanes, queued("t87", attempts=LOST))
    lanes.put_back(queued("t8y", attempts=FAILED))
    assert [job.job_id for job in lanes if job.batch == "8"] == [
        "t87",
        *("t8y", "t8x"),
        *("t80", "t81", "t82"),
    ]
    assert take_all(lanes)[0] == "t87"


def test_lost_jobs_stay_first_when_others_are_discarded(lanes: Lanes) -> None:
    """A cancel makes the lines anew."""
    put(lanes, queued("t87", attempts=LOST), queued("t8r", attempts=FAILED))
    assert lanes.discard({"t80"}) == ["t80"]
    lanes.put_back(queued("t8y"))
    assert [job.job_id for job in lanes if job.batch == "8"] == ["t87", "t8y", "t8r", "t81", "t82"]


def test_retries_keep_their_batch_s_turn(lanes: Lanes) -> None:
    """A batch whose jobs fail and are tried again doesn't hold up the others."""
    put(lanes, *(queued(f"t9{number}", attempts=FAILED) for number in range(3, 9)))
    first = [name for name in take_all(lanes) if name[0] == "t"][:10]
    assert sorted(name[1] for name in first) == list("0123456789")


@pytest.mark.parametrize(
    "last", [{}, {"error": None}, {"error": "WorkerLost"}, {"error": {}}, 1, None, "error", []]
)
def test_attempt_that_says_no_error_was_not_lost(last: Any) -> None:
    """Whoever wrote it: who asks holds the lock of the queue."""
    assert not queued("t00", attempts=(*LOST, last)).was_lost
    assert queued("t00", attempts=(last, *LOST)).was_lost


def test_jobs_that_can_t_be_added_leave_no_empty_lane(lanes: Lanes) -> None:
    """Nobody could take from it, and it would be the next for ever."""

    def broken() -> Iterator[QueuedJob]:
        yield queued("v00")
        raise ValueError("no job")

    before = [job.job_id for job in lanes]
    with pytest.raises(ValueError, match="no job"):
        lanes.put(5, "v", "0", broken())
    lanes.put(6, "v", "0", [])
    assert lanes.find_next(lambda _: True) == (0, "t")
    assert [job.job_id for job in lanes] == before
