"""An executor of somebody's that refuses, is shut down, breaks or cancels."""

import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.futures.executor import FuturesExecutor
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.remote.fleet import fleets_of
from shared.settings import ApiSettings
from tests.unit.jobs.sharing.test_jobs_brief_slots import Slots
from tests.waiting import wait_until

ENDED = Outcome(result='"ended"')


class Pool(ThreadPoolExecutor):
    """Somebody's, with one thread, whose attempts end when they are let go."""

    def __init__(self) -> None:
        super().__init__(1)
        self.go = threading.Event()
        self.refusal: Exception | None = None
        self.futures: list[Future[Any]] = []

    def submit(self, *_: Any) -> Any:  # type: ignore[override]  # the attempt is not needed
        """Take any, unless it refuses."""
        if self.refusal:
            raise self.refusal
        self.futures.append(super().submit(self._hold))
        return self.futures[-1]

    def _hold(self) -> Outcome:
        assert self.go.wait(60)
        return ENDED


class Bed:
    """An executor over such pools, and threads that run attempts in it."""

    def __init__(self, settings: ApiSettings) -> None:
        self.pools: list[Pool] = []
        queue = FairQueue(limit=100, per_person=100, while_shared=100)
        kind = type("Futures", (FuturesExecutor,), {"name": "x:y", "make_pool": self._make})
        self.executor: FuturesExecutor = kind(
            queue, Slots(), registry=TaskRegistry([]), settings=settings
        )
        self.outcomes: dict[str, Outcome] = {}
        self.threads: list[threading.Thread] = []

    def _make(self, *_: Any) -> Pool:
        self.pools.append(Pool())
        return self.pools[-1]

    def run(self, name: str) -> Outcome:
        """Run an attempt to its end."""
        self.outcomes[name] = self.executor.run(Attempt(QueuedJob(name, "a.b", "{}", "ada"), 1, ""))
        return self.outcomes[name]

    def begin(self, *names: str) -> None:
        """Have attempts run, and wait until the first pool has them all."""
        for name in names:
            self.threads.append(threading.Thread(target=self.run, args=(name,), daemon=True))
            self.threads[-1].start()
            wait_until(lambda: self._has(len(self.threads)), timeout_s=10, what="it is submitted")

    def _has(self, count: int) -> bool:
        return bool(self.pools) and len(self.pools[0].futures) == count

    def end(self) -> dict[str, Outcome]:
        """Let go of what runs; return how each attempt ended."""
        for pool in self.pools:
            pool.go.set()
        for thread in self.threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in self.threads)
        return self.outcomes


@pytest.fixture
def bed() -> Iterator[Bed]:
    """Nothing is left of it."""
    bed = Bed(ApiSettings(session_secrets=("x" * 32,)))
    yield bed
    bed.executor.close()
    bed.end()
    for pool in bed.pools:
        pool.shutdown()


def test_full_pool_is_kept_however_often_it_refuses(bed: Bed) -> None:
    """What runs in it and what waits in it both end as if nothing had been refused."""
    bed.begin("runs", "waits")
    bed.pools[0].refusal = RuntimeError("full; try again later")
    refused = [bed.run(f"refused {number}") for number in range(6)]
    assert [outcome.is_begun for outcome in refused] == [False] * 6
    outcomes = bed.end()
    assert outcomes["runs"] == outcomes["waits"] == ENDED
    assert len(bed.pools) == 1


def test_pool_that_says_it_is_shut_down_is_replaced_and_keeps_what_it_has(bed: Bed) -> None:
    """Somebody shut it down without cancelling: what it had ends there, the next go to another."""
    bed.begin("runs", "waits")
    bed.pools[0].shutdown(wait=False)
    assert bed.run("refused").is_begun is False
    bed.pools[0].go.set()
    thread = threading.Thread(target=bed.run, args=("next",), daemon=True)
    bed.threads.append(thread)
    thread.start()
    wait_until(lambda: len(bed.pools) == 2, timeout_s=10, what="another pool is made")
    outcomes = bed.end()
    assert outcomes["runs"] == outcomes["waits"] == outcomes["next"] == ENDED


@pytest.mark.parametrize(
    "words", ["cannot submit after shutdown", "cannot schedule new futures after shutdown"]
)
def test_pool_that_says_in_other_words_that_it_is_shut_down_is_replaced(
    bed: Bed, words: str
) -> None:
    """mpi4py's say it so; what they have goes on."""
    bed.begin("runs")
    bed.pools[0].refusal = RuntimeError(words)
    assert bed.run("refused").is_begun is False
    _run_in_another(bed)


def test_pool_that_refuses_all_while_it_has_nothing_is_replaced(bed: Bed) -> None:
    """Nobody knows all words for shut down; and with nothing in it, nothing can be lost."""
    bed.begin("runs")
    bed.end()
    bed.pools[0].refusal = ValueError("the pool was left")
    for number in range(5):
        assert len(bed.pools) == 1
        assert bed.run(f"refused {number}").is_begun is False
    _run_in_another(bed)


def _run_in_another(bed: Bed) -> None:
    """Run the next attempt, which must go to a second pool."""
    bed.threads.append(threading.Thread(target=bed.run, args=("next",), daemon=True))
    bed.threads[-1].start()
    wait_until(lambda: len(bed.pools) == 2, timeout_s=10, what="another pool is made")
    outcomes = bed.end()
    assert outcomes["runs"] == outcomes["next"] == ENDED


def test_pool_that_breaks_costs_what_waits_in_it_no_attempt(bed: Bed) -> None:
    """Its futures that wait are cancelled as it is let go: none of them has begun."""
    bed.begin("runs", "waits")
    bed.pools[0].refusal = BrokenExecutor("a process died")
    assert bed.run("refused").is_begun is False
    outcomes = bed.end()
    assert outcomes["runs"] == ENDED
    assert outcomes["waits"].is_begun is False


def test_future_that_somebody_cancels_is_lost_alone(bed: Bed) -> None:
    """A future that is cancelled says nothing of its pool: others go on there."""
    bed.begin("runs", "waits", "waits too")
    bed.pools[0].futures[1].cancel()
    wait_until(lambda: "waits" in bed.outcomes, timeout_s=10, what="the cancelled one is lost")
    assert bed.outcomes["waits"].is_lost
    outcomes = bed.end()
    assert outcomes["runs"] == outcomes["waits too"] == ENDED
    assert len(bed.pools) == 1


def test_close_costs_what_waits_no_attempt_and_makes_no_pool(bed: Bed) -> None:
    """What waits in the pool is cancelled with it; a slot that is late finds it closed."""
    bed.begin("runs", "waits")
    bed.executor.close()
    wait_until(lambda: "waits" in bed.outcomes, timeout_s=10, what="the waiting one is given up")
    assert bed.outcomes["waits"].is_begun is False
    assert bed.run("late").stopped is not None
    assert len(bed.pools) == 1
    assert bed.end()["runs"] == ENDED


def test_function_that_returns_no_executor_is_named_until_it_does(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log, without a traceback; health and the waiting job say the same. What it
    returns later is taken."""
    kind: Any = type(bed.executor)
    good, kind.make_pool = kind.make_pool, staticmethod(lambda: 7)
    line = "GATEHOUSE_EXECUTORS: x:y returned int, no concurrent.futures.Executor"
    assert [bed.run(name).is_begun for name in ("one", "two")] == [False, False]
    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info) == (line, None)
    assert bed.executor.fleet
    assert bed.executor.fleet.summary() == [
        "x:y: its function in GATEHOUSE_EXECUTORS returned no concurrent.futures.Executor."
    ]
    assert bed.executor.waiting_for("a.b") == "x:y returned int, no concurrent.futures.Executor"
    kind.make_pool = good
    bed.begin("runs")
    assert bed.end()["runs"] == ENDED
    assert bed.executor.waiting_for("a.b") is None
    assert not fleets_of([bed.executor])
