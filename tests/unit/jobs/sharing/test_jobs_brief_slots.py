"""A slot that runs very short jobs begins what comes meanwhile; nobody waits long for it."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import pytest

from flask_api.jobs.records.job import Attempt, JobStatus, QueuedJob
from flask_api.jobs.workers.executor import Ended
from flask_api.jobs.workers.held_jobs import HeldJobs
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.slots import SlotExecutor
from tests.waiting import wait_until

CHUNK = 4


class Slots(SlotExecutor):
    """Jobs end when they are let go; those of 'a.brief' are very short until now."""

    name: ClassVar[str] = "threads"

    def __init__(self) -> None:
        queue = FairQueue(limit=100, per_person=100, while_shared=100)
        super().__init__(queue, self, slots=3, let_gather=self.let_gather)
        self.held = HeldJobs()
        self.begun: dict[str, int] = {}  # the thread of each job
        self.ended: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.turns: list[tuple[int, int]] = []  # how many ended and began in each
        self.late: list[str] = []  # what comes while some gather

    @classmethod
    def make(cls, *_: Any) -> Self:
        """Nobody makes it by settings."""
        raise NotImplementedError

    def chunk_of(self, task: str) -> int:
        """Some are short."""
        return CHUNK if task == "a.brief" else 1

    def is_brief(self, task: str) -> bool:
        """These are also too short to be moved."""
        return task == "a.brief"

    def let_gather(self, pause_s: float) -> None:
        """More jobs come."""
        assert 0 < pause_s <= 0.001
        late, self.late = self.late, []
        if late:
            self.submit(*late)

    def run(self, attempt: Attempt) -> Outcome:
        """Wait for the job's gate, if it has one."""
        self.begun[attempt.job.job_id] = threading.get_ident()
        if gate := self.gates.get(attempt.job.job_id):
            assert gate.wait(60)
        return Outcome(result="null")

    def turn(
        self, ended: Sequence[Ended], queued: Sequence[QueuedJob], *, slot: int | None = None
    ) -> list[Attempt]:
        """Note what ended, and begin."""
        self.turns.append((len(ended), len(queued)))
        self.ended += [attempt.job.job_id for attempt, _ in ended]
        return [Attempt(job, 1, "me") for job in queued]

    def note_end(self, attempt: Attempt, status: JobStatus | None, *, kept: bool) -> None:
        """None ends elsewhere."""

    def submit(self, *names: str, task: str = "a.brief") -> None:
        """Queue jobs."""
        self.put([QueuedJob(name, task, "{}", "ada") for name in names])

    def wait_for_ends(self, *names: str) -> None:
        """Wait until these have ended."""
        wait_until(lambda: set(names) <= set(self.ended), timeout_s=10, what=f"{names} ended")


@pytest.fixture
def slots() -> Iterator[Slots]:
    """Three slots, and a brief job that holds the first of them."""
    slots = Slots()
    slots.gates["held"] = threading.Event()
    slots.submit("held")
    wait_until(lambda: "held" in slots.begun, timeout_s=10, what="it runs")
    yield slots
    slots.gates["held"].set()
    assert slots.wait_until_idle(deadline_s=10)
    slots.close()
    assert (slots._active, slots._brief) == (0, 0)


def test_brief_jobs_wait_for_the_slot_that_runs_brief_ones(slots: Slots) -> None:
    """It begins them all in its next turn, and no other thread was woken."""
    slots.submit("a", "b")
    slots.submit("c")
    assert (slots._active, len(slots.queue)) == (1, 3)
    slots.gates["held"].set()
    slots.wait_for_ends("held", "a", "b", "c")
    assert len(set(slots.begun.values())) == 1


def test_brief_jobs_that_come_one_by_one_share_a_turn(slots: Slots) -> None:
    """While one waits, more may come: a moment later all begin together."""
    slots.late = ["b", "c"]
    slots.submit("a")
    slots.gates["held"].set()
    slots.wait_for_ends("held", "a", "b", "c")
    assert slots.turns == [(0, 1), (1, 3), (3, 0)]


def test_brief_job_without_company_waits_for_none(slots: Slots) -> None:
    """Its end is written at once."""
    slots.late = ["b"]
    slots.gates["held"].set()
    slots.wait_for_ends("held")
    assert (slots.turns, slots.late) == ([(0, 1), (1, 0)], ["b"])


def test_longer_jobs_begin_at_once(slots: Slots) -> None:
    """What is not known to be short gets a slot of its own."""
    slots.submit("long", task="a.long")
    slots.wait_for_ends("long")
    assert "held" not in slots.ended


def test_many_brief_jobs_get_all_slots(slots: Slots) -> None:
    """More than fit in one turn are not left to one slot."""
    slots.submit(*(f"n{number}" for number in range(CHUNK)))
    slots.wait_for_ends("n0", f"n{CHUNK - 1}")
    assert "held" not in slots.ended


def test_brief_job_that_takes_long_holds_up_no_other_for_longer_than_a_beat(slots: Slots) -> None:
    """The process's beat wakes the slots."""
    slots.submit("a")
    assert len(slots.queue) == 1
    slots.wake()
    slots.wait_for_ends("a")
    assert "held" not in slots.ended


def test_slot_that_goes_on_with_a_longer_job_leaves_the_brief_ones_to_others(slots: Slots) -> None:
    """They don't wait for it."""
    slots.gates["long"] = threading.Event()
    with slots._changed:  # it was put before a slot was free
        slots.queue.put([QueuedJob("long", "a.long", "{}", "ada")])
    slots.submit("a")
    slots.gates["held"].set()
    slots.wait_for_ends("held", "a")
    slots.gates["long"].set()
    slots.wait_for_ends("long")


def test_brief_jobs_are_others_to_take_once_they_go_on_no_more(slots: Slots) -> None:
    """As long as a slot has just begun some, and unless their task is paused, they are left here:
    so a process tells the others."""
    slots.submit("a", "b")
    slots._brief_at = time.monotonic() + 60  # it has begun one just now, however busy the machine
    assert (slots.load.waiting, slots.load.brief) == (2, 2)
    slots.queue.pause(frozenset({"a.brief"}))
    assert (slots.load.paused, slots.load.brief) == (2, 0)
    slots.queue.pause(frozenset())
    slots._brief_at = time.monotonic() - 1
    assert slots.load.brief == 0
