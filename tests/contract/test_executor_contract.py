"""What every executor promises: one suite over all of them. A new one needs a row in FACTORIES."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from flask_api.jobs.attempt import Launch
from flask_api.jobs.executors import Executor, ThreadsExecutor
from tests.waiting import wait_until

Run = Callable[[Launch], None]
Factory = Callable[[Run, int], Executor]

FACTORIES: dict[type[Executor], Factory] = {
    ThreadsExecutor: lambda run, slots: ThreadsExecutor(run, slots=slots),
}


class Bench:
    """An executor whose launches wait for ``gate``, with a record of what happened."""

    def __init__(self, factory: Factory, slots: int) -> None:
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.started: list[str] = []
        self.done: list[str] = []
        self.running = self.most_running = 0
        self.error: Exception | None = None
        self.executor = factory(self._run, slots)

    def submit(self, *job_ids: str) -> None:
        """Submit a launch for each id."""
        for job_id in job_ids:
            self.executor.submit(launch(job_id), done=self._done)

    def _done(self, launch: Launch) -> None:
        with self.lock:
            self.done.append(launch.job_id)

    def _run(self, launch: Launch) -> None:
        with self.lock:
            self.started.append(launch.job_id)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            self.gate.wait(30)
            if self.error:
                raise self.error
        finally:
            with self.lock:
                self.running -= 1


def launch(job_id: str) -> Launch:
    """Return a launch with this id."""
    return Launch(job_id=job_id, task="example.task", arguments={"n": 1})


def executor_kinds() -> list[type[Executor]]:
    """Return every executor class there is."""
    found, rest = [], [Executor]
    while rest:
        below = rest.pop().__subclasses__()
        found += below
        rest += below
    return [kind for kind in found if kind.__module__.startswith("flask_api.")]


@pytest.fixture(params=executor_kinds(), ids=lambda kind: kind.__name__)
def new_bench(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Bench]]:
    """A function that makes a bench with so many slots; all are opened and shut down at the end."""
    benches: list[Bench] = []

    def make(slots: int) -> Bench:
        benches.append(Bench(FACTORIES[request.param], slots))
        return benches[-1]

    yield make
    for bench in benches:
        bench.gate.set()
        assert bench.executor.shutdown(deadline_s=10)


def test_every_executor_is_tested() -> None:
    """An executor without a factory here would not be held to the contract; each has a name of its own."""
    assert set(executor_kinds()) == set(FACTORIES)
    assert len({kind.name for kind in FACTORIES}) == len(FACTORIES)


def test_submitted_launches_run_once_and_are_reported(new_bench: Callable[[int], Bench]) -> None:
    """Each launch is run with what was submitted and then reported, exactly once."""
    bench = new_bench(3)
    bench.gate.set()
    ids = [str(number) for number in range(100)]
    bench.submit(*ids)
    assert bench.executor.shutdown(deadline_s=10)
    assert sorted(bench.started) == sorted(bench.done) == sorted(ids)


def test_one_slot_keeps_the_order(new_bench: Callable[[int], Bench]) -> None:
    """What was submitted first starts first."""
    bench = new_bench(1)
    bench.submit(*"abcdef")
    bench.gate.set()
    assert bench.executor.shutdown(deadline_s=10)
    assert bench.started == list("abcdef")


def test_raising_run_is_reported_and_costs_no_slot(new_bench: Callable[[int], Bench]) -> None:
    """A launch that raises is reported like any other, and the next one runs in its slot."""
    bench = new_bench(1)
    bench.error = ValueError("the run failed")
    bench.gate.set()
    bench.submit("a", "b", "c")
    assert bench.executor.shutdown(deadline_s=10)
    assert bench.done == ["a", "b", "c"]


def test_raising_report_does_not_hold_up_the_shutdown(new_bench: Callable[[int], Bench]) -> None:
    """A report that fails is its caller's trouble: the launch still counts as ended."""
    bench = new_bench(1)
    bench.gate.set()

    def fail(_launch: Launch) -> None:
        raise ValueError("the report failed")

    bench.executor.submit(launch("a"), done=fail)
    bench.submit("b")
    assert bench.executor.shutdown(deadline_s=5)
    assert bench.done == ["b"]


def test_no_more_run_at_once_than_there_are_slots(new_bench: Callable[[int], Bench]) -> None:
    """All slots are used, and never one more."""
    bench = new_bench(3)
    bench.submit(*(str(number) for number in range(12)))
    wait_until(lambda: bench.running == 3, timeout_s=10, what="all slots are busy")
    assert len(bench.started) == 3
    bench.gate.set()
    assert bench.executor.shutdown(deadline_s=10)
    assert bench.most_running == 3
    assert len(bench.done) == 12


def test_submit_does_not_wait_for_a_slot(new_bench: Callable[[int], Bench]) -> None:
    """With every slot busy, a thousand more are taken at once."""
    bench = new_bench(1)
    began = time.monotonic()
    bench.submit(*(str(number) for number in range(1000)))
    assert time.monotonic() - began < 2
    assert len(bench.done) == 0


def test_submit_after_shutdown_is_refused(new_bench: Callable[[int], Bench]) -> None:
    """Nothing that could not run is taken, and what was refused is not waited for."""
    bench = new_bench(1)
    bench.gate.set()
    bench.submit("a")
    assert bench.executor.shutdown(deadline_s=10)
    with pytest.raises(RuntimeError):
        bench.submit("b")
    assert bench.executor.shutdown(deadline_s=10)
    assert (bench.started, bench.done) == (["a"], ["a"])


def test_shutdown_waits_for_what_was_taken(new_bench: Callable[[int], Bench]) -> None:
    """Running and waiting launches are all run before it says True."""
    bench = new_bench(1)
    bench.submit("a", "b", "c")
    timer = threading.Timer(0.1, bench.gate.set)
    timer.start()
    assert bench.executor.shutdown(deadline_s=10)
    timer.join()
    assert bench.done == ["a", "b", "c"]


def test_shutdown_past_its_deadline_says_so(new_bench: Callable[[int], Bench]) -> None:
    """It returns at the deadline, and says True once the rest has ended."""
    bench = new_bench(1)
    bench.submit("a", "b")
    wait_until(lambda: bench.running == 1, timeout_s=10, what="the first one runs")
    began = time.monotonic()
    assert not bench.executor.shutdown(deadline_s=0.1)
    assert not bench.executor.shutdown(deadline_s=0)
    assert 0.1 <= time.monotonic() - began < 1
    bench.gate.set()
    assert bench.executor.shutdown(deadline_s=10)
    assert bench.executor.shutdown(deadline_s=0)
    assert bench.done == ["a", "b"]


def test_new_executor_starts_nothing(new_bench: Callable[[int], Bench]) -> None:
    """Made before a fork, it has no thread to lose; unused, it is shut down at once."""
    before = threading.enumerate()
    bench = new_bench(4)
    assert threading.enumerate() == before
    assert bench.executor.shutdown(deadline_s=0)
