"""How many of somebody's executors there are, who lets go of them, and who waits while one is
made."""

import threading
import time
from collections.abc import Callable

import pytest

from flask_api.jobs.errors import StopReason
from tests.unit.jobs.remote.test_jobs_futures import ENDED, Bed, Pool, bed
from tests.waiting import wait_until

__all__ = ["bed"]
_SHUT_DOWN = RuntimeError("cannot submit after shutdown")


def have_made(bed: Bed, make: Callable[[], Pool]) -> None:
    """Let another function make what comes next."""
    kind = type(bed.executor)
    kind.make_pool = staticmethod(make)


class SlowMaking:
    """A function that makes a pool as soon as it may."""

    def __init__(self, bed: Bed) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self._bed = bed
        have_made(bed, self._make)

    def _make(self) -> Pool:
        self.began.set()
        assert self.go.wait(60)
        self._bed.pools.append(Pool())
        return self._bed.pools[-1]


def start(bed: Bed, name: str) -> None:
    """Run an attempt in a thread."""
    bed.threads.append(threading.Thread(target=bed.run, args=(name,), daemon=True))
    bed.threads[-1].start()


def test_pools_that_take_nothing_are_few_and_let_go(bed: Bed) -> None:
    """A cluster that is away for a while leaves none of its clients behind: the one before is shut
    down when another is made, the last one with the executor."""
    making = type(bed.executor).make_pool

    def make() -> Pool:
        making()
        bed.pools[-1].refusal = ConnectionError("the scheduler is away")
        return bed.pools[-1]

    have_made(bed, make)
    assert not any(bed.run(f"refused {number}").is_begun for number in range(300))
    assert 2 <= len(bed.pools) <= 5
    assert all(pool._shutdown for pool in bed.pools[:-1])
    bed.executor.close()
    assert bed.pools[-1]._shutdown


def test_pool_that_is_returned_again_is_not_shut_down(bed: Bed) -> None:
    """It was full of what others submitted, and takes ours when it has room."""
    pool = Pool()
    bed.pools.append(pool)
    have_made(bed, lambda: pool)
    pool.refusal = ValueError("full")
    for number in range(12):
        assert bed.run(f"refused {number}").is_begun is False
    pool.refusal = None
    bed.begin("runs")
    assert not pool._shutdown
    assert bed.end() == bed.outcomes
    assert bed.outcomes["runs"] == ENDED


def test_pool_that_is_replaced_is_let_go_when_what_it_has_ends(bed: Bed) -> None:
    """Not before: some cancel what runs in them as they are shut down."""
    bed.begin("runs")
    bed.pools[0].refusal = _SHUT_DOWN
    assert bed.run("refused").is_begun is False
    start(bed, "next")
    wait_until(lambda: len(bed.pools) == 2, timeout_s=10, what="another pool is made")
    wait_until(lambda: bed.pools[1].futures, timeout_s=10, what="it has an attempt")
    assert not bed.pools[0]._shutdown
    bed.pools[0].go.set()
    wait_until(lambda: bed.pools[0]._shutdown, timeout_s=10, what="the first one is let go")
    assert bed.outcomes["runs"] == ENDED
    assert not bed.pools[1]._shutdown


def test_close_does_not_wait_for_a_pool_that_is_being_made(bed: Bed) -> None:
    """Nor do those who wait for it; it is shut down as soon as it is there."""
    making = SlowMaking(bed)
    for name in ("makes", "waits"):
        start(bed, name)
    assert making.began.wait(10)
    began_at = time.monotonic()
    bed.executor.close()
    assert time.monotonic() - began_at < 5
    wait_until(lambda: "waits" in bed.outcomes, timeout_s=10, what="the other one is given up")
    assert "makes" not in bed.outcomes
    making.go.set()
    outcomes = bed.end()
    assert {outcome.stopped for outcome in outcomes.values()} == {StopReason.SHUTDOWN}
    assert bed.pools[0]._shutdown
    assert not bed.pools[0].futures


def test_attempt_ends_while_another_pool_is_being_made(bed: Bed) -> None:
    """What ran in the one before holds no slot for longer than it runs."""
    bed.begin("runs")
    bed.pools[0].refusal = _SHUT_DOWN
    assert bed.run("refused").is_begun is False
    making = SlowMaking(bed)
    start(bed, "next")
    assert making.began.wait(10)
    bed.pools[0].go.set()
    wait_until(lambda: "runs" in bed.outcomes, timeout_s=10, what="the first attempt has ended")
    assert bed.outcomes["runs"] == ENDED
    making.go.set()
    wait_until(lambda: len(bed.pools) == 2, timeout_s=10, what="the other pool is made")
    assert bed.end()["next"] == ENDED


def test_drain_gives_up_who_waits_for_a_pool(bed: Bed) -> None:
    """What has not begun is another process's, and costs no attempt."""
    making = SlowMaking(bed)
    start(bed, "makes")
    assert making.began.wait(10)
    start(bed, "waits")
    bed.executor._host.held.stopping.set()
    wait_until(lambda: "waits" in bed.outcomes, timeout_s=10, what="it is given up")
    assert bed.outcomes["waits"].stopped is StopReason.SHUTDOWN
    making.go.set()
    bed.end()


def test_function_that_raises_is_called_once_for_all_who_wait(bed: Bed) -> None:
    """Each would wait as long again otherwise, one after the other."""
    calls: list[int] = []
    go = threading.Event()

    def make() -> Pool:
        calls.append(1)
        assert go.wait(60)
        raise OSError("the scheduler is away")

    have_made(bed, make)
    started = threading.Barrier(4)

    def run(name: str) -> None:
        started.wait(10)
        bed.run(name)

    for name in ("a", "b", "c"):
        bed.threads.append(threading.Thread(target=run, args=(name,), daemon=True))
        bed.threads[-1].start()
    started.wait(10)
    wait_until(lambda: calls, timeout_s=10, what="it is called")
    wait_until(lambda: _waiting(bed) == 2, timeout_s=10, what="the others wait")
    go.set()
    outcomes = bed.end()
    assert [outcome.is_begun for outcome in outcomes.values()] == [False] * 3
    assert len(calls) == 1


def _waiting(bed: Bed) -> int:
    return len(bed.executor._pools._changed._waiters)  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [1, 3])
def test_close_does_not_wait_for_pools_that_do_not_let_go(bed: Bed, count: int) -> None:
    """A client whose scheduler is away may take its time: the process stops in time all the
    same."""
    go = threading.Event()

    class Slow(Pool):
        def shutdown(self, *args: bool, **options: bool) -> None:
            """Wait for who is away."""
            assert go.wait(60)
            super().shutdown(*args, **options)

    def make() -> Pool:
        bed.pools.append(Slow())
        return bed.pools[-1]

    have_made(bed, make)
    for number in range(count):
        start(bed, f"runs {number}")
        wait_until(lambda: len(bed.pools) > number and bed.pools[-1].futures, timeout_s=10)  # noqa: B023
        if number < count - 1:
            bed.pools[-1].refusal = _SHUT_DOWN
            assert bed.run(f"refused {number}").is_begun is False
    began_at = time.monotonic()
    bed.executor.close()
    assert time.monotonic() - began_at < 5
    go.set()
    assert len(bed.pools) == count
    bed.end()
    wait_until(
        lambda: all(pool._shutdown for pool in bed.pools), timeout_s=10, what="all are let go"
    )
