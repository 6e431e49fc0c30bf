"""What processes let each other know with their heartbeats: how busy each executor is.

    heartbeat:<instance>   'threads 36 4 4 2;processes 20 0 2 1 20'

For each executor: jobs that wait, jobs that run, slots, people whose jobs these are, and, unless it
is none, how many of those that wait are paused.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class ExecutorLoad(NamedTuple):
    """How busy an executor was at its process's last beat."""

    executor: str
    waiting: int
    running: int
    slots: int
    people: int
    paused: int = 0  # of those that wait: operators paused their task


class Beat(NamedTuple):
    """What is known of another process: how many jobs it holds now, and what its last beat told."""

    held: int
    loads: Mapping[str, ExecutorLoad]

    def waiting(self, executor: str) -> int:
        """Return how many jobs wait there for an executor, about: what came since the last beat
        may be for any, and may have begun where slots were free."""
        load = self.loads.get(executor)
        if load is None:
            return 0
        known = sum(each.waiting + max(each.running, each.slots) for each in self.loads.values())
        return min(self.held, load.waiting - load.paused + max(0, self.held - known))

    def people(self, executor: str) -> int:
        """Return of how many people jobs wait or run there on an executor."""
        return self.loads[executor].people if executor in self.loads else 0


def write_beat(loads: Iterable[ExecutorLoad]) -> str:
    """Return the text of a heartbeat."""
    return ";".join(" ".join(map(str, load if load.paused else load[:-1])) for load in loads)


def read_beat(text: str, *, held: int) -> Beat:
    """Return what a heartbeat tells; of one that was written by another version, nothing."""
    try:
        loads = [_load(each) for each in text.split(";")]
    except ValueError:
        loads = []
    return Beat(held, {load.executor: load for load in loads})


def _load(text: str) -> ExecutorLoad:
    executor, *numbers = text.split()
    waiting, running, slots, people, *paused = map(int, numbers)
    return ExecutorLoad(executor, waiting, running, slots, people, *paused[:1])
