"""How it stands with the workers on other machines, of one executor: what operators and health
checks tell, and what is logged when it gets worse or better."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Protocol

log = logging.getLogger("gatehouse.jobs")

_MOST_NAMED = 10  # tasks, in one line of the log

Trouble = tuple[str, str]  # in words, and with which task; "" for none

NOBODY = "no worker is alive"
UNSERVED = "no worker runs"
DIFFERING = "workers have other arguments or another version of"
STRANGERS = "workers of another version of Gatehouse are sent nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """An executor's live workers, and what is wrong with them. ``unserved``: tasks that none of
    them runs as they are here; ``differing``: tasks of which one has another signature;
    ``strangers``: how many can't be read here, being of another version of Gatehouse."""

    executor: str
    workers: int
    slots: int
    unserved: tuple[str, ...]
    differing: tuple[str, ...]
    strangers: int

    @property
    def troubles(self) -> frozenset[Trouble]:
        """All that is wrong. Where nobody is alive, that says it for every task."""
        found: set[Trouble] = {(DIFFERING, task) for task in self.differing}
        found |= {(UNSERVED, task) for task in self.unserved} if self.workers else {(NOBODY, "")}
        return frozenset(found | ({(STRANGERS, "")} if self.strangers else set()))

    def summary(self) -> list[str]:
        """Return what is wrong in lines that anybody may read: they name no task and no machine."""
        lines = []
        for words, troubles in groupby(sorted(self.troubles), key=itemgetter(0)):
            tasks = sum(1 for _, task in troubles if task)
            some = f" {tasks} {'task' if tasks == 1 else 'tasks'}" if tasks else ""
            lines.append(f"{self.executor}: {words}{some}.")
        return lines


class FleetWatch:
    """Logs once when something is wrong with an executor's workers, and once when it no longer is.
    For one thread."""

    def __init__(self) -> None:
        self._known: frozenset[Trouble] = frozenset()

    def note(self, report: FleetReport) -> None:
        """Log what has changed since the last report."""
        found = report.troubles
        _log("", found - self._known, report.executor)
        _log("no longer so: ", self._known - found, report.executor)
        self._known = found


class HasFleet(Protocol):
    """An executor, as far as its workers elsewhere go. None: it uses none, or has not looked."""

    fleet: FleetReport | None


def fleets_of(executors: Iterable[HasFleet]) -> list[FleetReport]:
    """Return how it stands with workers elsewhere, by executor, as this process saw it a second ago
    or later. Doesn't block."""
    return [each.fleet for each in executors if each.fleet is not None]


def _log(prefix: str, troubles: Iterable[Trouble], executor: str) -> None:
    for words, alike in groupby(sorted(troubles), key=itemgetter(0)):
        tasks = [task for _, task in alike if task]
        more = len(tasks) - _MOST_NAMED
        named = ", ".join(tasks[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        line = f"{prefix}{words} {named}".rstrip()
        log.warning("%s: %s", executor, line, extra={"executor": executor, "tasks": len(tasks)})
