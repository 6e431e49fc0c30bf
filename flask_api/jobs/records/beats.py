"""What processes let each other know with their heartbeats: how busy each executor is, and where
they run.

    heartbeat:<instance>   'threads 36 4 4 2;processes 20 0 2 1 20;@5f0c2a91d3e4b786 0 0 0 0 1 47 8'

For each executor: jobs that wait, jobs that run, slots, people whose jobs these are, and, unless it
is none, how many of those that wait are paused, and how many are very short: earlier versions leave
the last numbers out. Last the machine, 1 for a process that knows that it is beside Redis itself,
its id there and when it began, in ticks of that machine's clock: to earlier versions an executor
that nothing waits for.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

_AT = "@"


class ExecutorLoad(NamedTuple):
    """How busy an executor was at its process's last beat."""

    executor: str
    waiting: int
    running: int
    slots: int
    people: int
    paused: int = 0  # of those that wait: operators paused their task
    brief: int = 0  # of those that wait: so short that moving one costs more than running it


class ProcessMark(NamedTuple):
    """Which process of which machine: ``place`` names the machine, or the container."""

    place: str
    pid: int
    begun: int


class Beat(NamedTuple):
    """What is known of another process: how many jobs it holds now, and what its last beat told."""

    held: int
    loads: Mapping[str, ExecutorLoad]
    mark: ProcessMark | None = None
    is_beside_redis: bool = False

    def waiting(self, executor: str) -> int:
        """Return how many jobs wait there for an executor, about: what came since the last beat
        may be for any, and may have begun where slots were free."""
        load = self.loads.get(executor)
        if load is None:
            return 0
        known = sum(each.waiting + max(each.running, each.slots) for each in self.loads.values())
        waiting = load.waiting - load.paused - load.brief
        # of the brief ones many begin and come between two beats
        came = 0 if load.brief else max(0, self.held - known)
        return max(0, min(self.held, waiting + came))

    def wants_help(self, executor: str) -> bool:
        """Tell whether jobs wait there, none of which it runs sooner than another would."""
        load = self.loads.get(executor)
        return load is not None and load.waiting > load.paused and not load.brief

    def people(self, executor: str) -> int:
        """Return of how many people jobs wait or run there on an executor."""
        return self.loads[executor].people if executor in self.loads else 0


def write_beat(
    loads: Iterable[ExecutorLoad],
    mark: ProcessMark | None = None,
    *,
    is_beside_redis: bool = False,
) -> str:
    """Return the text of a heartbeat."""
    parts = [" ".join(map(str, _told(load))) for load in loads]
    if mark:
        parts.append(f"{_AT}{mark.place} 0 0 0 0 {is_beside_redis:d} {mark.pid} {mark.begun}")
    return ";".join(parts)


def _told(load: ExecutorLoad) -> tuple[str | int, ...]:
    if load.brief:
        return load
    return load[:-1] if load.paused else load[:-2]


def read_beat(text: str, *, held: int) -> Beat:
    """Return what a heartbeat tells; of one that was written by another version, nothing."""
    told, _, at = text.partition(f";{_AT}")
    try:
        loads = [_load(each) for each in told.split(";")]
        mark, is_beside_redis = _mark(at) if at else (None, False)
    except ValueError:
        loads, mark, is_beside_redis = [], None, False
    return Beat(held, {load.executor: load for load in loads}, mark, is_beside_redis)


def _mark(text: str) -> tuple[ProcessMark, bool]:
    place, *_, beside, pid, begun = text.split()
    if int(pid) <= 0:
        raise ValueError("no process has this id")
    return ProcessMark(place, int(pid), int(begun)), beside == "1"


def _load(text: str) -> ExecutorLoad:
    executor, *numbers = text.split()
    waiting, running, slots, people, *more = map(int, numbers)
    return ExecutorLoad(executor, waiting, running, slots, people, *more[:2])
