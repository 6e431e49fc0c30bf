"""A long queue of another process is looked at in pieces: what one of them holds decides little."""

from collections.abc import Sequence

import pytest

from flask_api.jobs import work_stealing
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.beats import Beat, ExecutorLoad
from flask_api.jobs.work_stealing import WorkStealing
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

RUNNING = 3


class Pieces:
    """A process with jobs, and one that takes of them, from pieces that are given."""

    def __init__(self, bench: EngineBench, monkeypatch: pytest.MonkeyPatch) -> None:
        take_some = WorkStealing.take_some
        monkeypatch.setattr(WorkStealing, "take_some", lambda *_: 0)
        self.bench = bench
        self.giver = bench.start(job_threads=RUNNING)
        self.running = self.submit(RUNNING)
        wait_until(lambda: len(bench.runs()) == RUNNING, timeout_s=10, what="all slots are taken")
        self.taker = bench.start(job_threads=RUNNING)
        self._stealing = self.taker._membership._stealing
        self._take_some = take_some
        self.looks = 0
        # As it says of a queue in which most is sooner run than moved.
        load = ExecutorLoad("threads", 1000, RUNNING, RUNNING, 1, brief=900)
        self._beats = {self.giver.instance: Beat(1000, {"threads": load})}
        monkeypatch.setattr(work_stealing, "_AT_ONCE", 2 * RUNNING)
        self._monkeypatch = monkeypatch

    def submit(self, count: int) -> list[str]:
        """Submit jobs that end when the bench says go."""
        path = self.bench.path()
        return [self.bench.submit(self.giver, "sample.hold", {"path": path}) for _ in range(count)]

    def take(self, pieces: Sequence[Sequence[str]], *, worth: int) -> int:
        """Have these looked at, one after the other, by who finds so many of the task worth
        taking; return how many were taken."""
        left = iter(pieces)

        def next_piece(_giver: str, _count: int) -> Sequence[str]:
            self.looks += 1
            return next(left, [])

        executor = self.taker._worker._executor_of["sample.hold"]
        self._monkeypatch.setattr(executor, "worth_taking", lambda _: worth)
        self._monkeypatch.setattr(self._stealing._holdings, "some_of", next_piece)
        return self._take_some(self._stealing, self._beats)


@pytest.fixture
def pieces(bench: EngineBench, monkeypatch: pytest.MonkeyPatch) -> Pieces:
    """The giver's slots are taken."""
    return Pieces(bench, monkeypatch)


def test_jobs_that_run_use_up_nothing_of_what_is_worth_taking(pieces: Pieces) -> None:
    """They stay; as many that wait are taken as if there were none."""
    waiting = pieces.submit(RUNNING)
    assert pieces.take([[*pieces.running, *waiting]], worth=RUNNING) == RUNNING
    held = pieces.bench.admin.smembers(keyspace.held(pieces.taker.instance))
    assert held == set(waiting)
    pieces.bench.go()


def test_pieces_without_anything_wanted_do_not_end_the_look(pieces: Pieces) -> None:
    """A few long jobs among thousands of brief ones: the first pieces may hold none of them."""
    (waiting,) = pieces.submit(1)
    brief = [f"gone {number}" for number in range(2 * RUNNING)]
    assert pieces.take([brief, brief, brief, [*brief[1:], waiting]], worth=9) == 1
    pieces.bench.go()


def test_look_ends_after_some_pieces_without_anything_wanted(pieces: Pieces) -> None:
    """Each costs Redis as much as the jobs that it names."""
    brief = [f"gone {number}" for number in range(2 * RUNNING)]
    assert pieces.take([brief] * 30, worth=9) == 0
    assert pieces.looks == 5
    pieces.bench.go()
