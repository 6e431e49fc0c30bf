"""When the context of a running task ends its attempt: at a checkpoint, and when it is done."""

import pytest

from flask_api.jobs.errors import JobCancelled, StopReason
from tests.unit.jobs.context.context_bench import Bench


def test_checkpoint_ends_an_attempt_that_must_stop() -> None:
    """Until then it does nothing; ``except Exception`` in task code doesn't stop it."""
    bench = Bench()
    bench.context.checkpoint()
    bench.stop = StopReason.SHUTDOWN
    with pytest.raises(JobCancelled) as stopped:
        bench.context.checkpoint()
    assert stopped.value.reason is StopReason.SHUTDOWN
    with pytest.raises(JobCancelled):
        bench.context.progress(1)
    with pytest.raises(JobCancelled):
        bench.context.save_file("a", b"")
    assert (bench.reported, bench.files) == ([], {})
    assert not issubclass(JobCancelled, Exception)


def test_deadline_is_the_last_reason_to_stop() -> None:
    """What was signalled comes first; the time counts from the attempt's beginning."""
    bench = Bench(timeout_s=2)
    bench.context.checkpoint()
    bench.clock.advance(1.9)
    bench.context.checkpoint()
    bench.clock.advance(0.2)
    with pytest.raises(JobCancelled) as stopped:
        bench.context.checkpoint()
    assert stopped.value.reason is StopReason.TIMED_OUT
    bench.stop = StopReason.CANCELLED
    with pytest.raises(JobCancelled) as stopped:
        bench.context.checkpoint()
    assert stopped.value.reason is StopReason.CANCELLED
    unbounded = Bench()
    unbounded.clock.advance(10.0**9)
    unbounded.context.checkpoint()


@pytest.mark.parametrize("reason", [None, *StopReason])
def test_done_attempt_ends_for_what_its_job_must_not_have(reason: StopReason | None) -> None:
    """One that never checked may be cancelled or past its time; but a process that stops has the
    outcome of what is done."""
    bench = Bench(timeout_s=2)
    bench.stop = None if reason is StopReason.TIMED_OUT else reason
    bench.clock.advance(2.1 if reason is StopReason.TIMED_OUT else 0)
    if reason in (None, StopReason.SHUTDOWN, StopReason.LOST):
        bench.context.check_when_done()
        return
    with pytest.raises(JobCancelled) as stopped:
        bench.context.check_when_done()
    assert stopped.value.reason is reason
