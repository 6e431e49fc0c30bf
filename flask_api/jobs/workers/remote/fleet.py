"""How it stands with the workers on other machines, of one executor: what operators and health
checks tell, and what is logged when it gets worse or better."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from flask_api.jobs.records.roster import Roster, WorkerKind, WorkerName

log = logging.getLogger("gatehouse.jobs")

_REFRESH_S = 1.0
_MOST_NAMED = 10  # tasks, in one line of the log

Trouble = tuple[str, str]  # in words, and with which task; "" for none

NOBODY = "no worker is alive"
UNSERVED = "no worker runs"
DIFFERING = "workers have other arguments or another version of"
STRANGERS = "workers of another version of Gatehouse are sent nothing"
ELSEWHERE = "workers that listen to another broker are sent nothing"
OTHER_SECRETS = "workers with another GATEHOUSE_WORKER_SECRETS are sent nothing"
BROKER_REFUSES = "its broker refuses this server, so nothing is sent"
NO_EXECUTOR = "its function in GATEHOUSE_EXECUTORS returned no concurrent.futures.Executor"
BROKER_AWAY = "its broker is away, so nothing is sent"


# What is said when one of these ends: "no longer so" before them would read as if it went on.
_OVER = {
    STRANGERS: "no worker is of another version of Gatehouse any more",
    ELSEWHERE: "no worker listens to another broker any more",
    OTHER_SECRETS: "no worker has another GATEHOUSE_WORKER_SECRETS any more",
    BROKER_AWAY: "its broker is back",
    BROKER_REFUSES: "its broker refuses this server no longer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """An executor's live workers, and what is wrong with them. ``unserved``: tasks that none of
    them runs as they are here; ``differing``: tasks of which one has another signature;
    ``strangers``: how many can't be read here, being of another version of Gatehouse;
    ``elsewhere``: how many listen to another broker than this process sends to;
    ``other_secrets``: how many do not know the secret that this process signs with."""

    executor: str
    workers: int
    slots: int
    unserved: tuple[str, ...]
    differing: tuple[str, ...]
    strangers: int
    elsewhere: int = 0
    other_secrets: int = 0
    broker_away: bool = False  # or it refuses this server, which is as good
    broker_refuses: bool = False
    is_none: bool = False  # somebody's function returned no executor

    @property
    def troubles(self) -> frozenset[Trouble]:
        """All that is wrong. Where nobody is alive, that says it for every task."""
        if self.is_none:
            return frozenset({(NO_EXECUTOR, "")})
        found: set[Trouble] = {(DIFFERING, task) for task in self.differing}
        found |= {(UNSERVED, task) for task in self.unserved} if self.workers else {(NOBODY, "")}
        others = {
            STRANGERS: self.strangers,
            ELSEWHERE: self.elsewhere,
            OTHER_SECRETS: self.other_secrets,
            BROKER_REFUSES: self.broker_refuses,
            BROKER_AWAY: self.broker_away and not self.broker_refuses,
        }
        return frozenset(found | {(words, "") for words, is_so in others.items() if is_so})

    def summary(self) -> list[str]:
        """Return what is wrong in lines that anybody may read: they name no task and no machine."""
        lines = []
        for words, troubles in groupby(sorted(self.troubles), key=itemgetter(0)):
            tasks = sum(1 for _, task in troubles if task)
            some = f" {tasks} {'task' if tasks == 1 else 'tasks'}" if tasks else ""
            lines.append(f"{self.executor}: {words}{some}.")
        return lines


@dataclass(frozen=True, slots=True)
class LiveWorkers:
    """The live workers at one moment, of one carrier."""

    names: frozenset[str] = frozenset()
    # What is sent to each kind: its tasks without those whose arguments or version differ there.
    kinds: tuple[tuple[str, frozenset[str]], ...] = ()
    slots: int = 0
    # What those with another secret could run, who are none of these.
    beyond: frozenset[str] = frozenset()


class Broker(Protocol):
    """What carries entries, as far as it can be reached."""

    is_away: bool
    refuses: bool


class FleetLook:
    """Looks which workers are alive and what each is sent, not more than once a second.

    ``carrier`` is what they say of how they are reached, ``key`` the id of the secret that entries
    are signed with, ``signatures`` those of the tasks that an executor runs here. For one thread;
    ``workers`` and ``report`` may be read by all, and are None until the first look.
    """

    def __init__(
        self,
        roster: Roster,
        *,
        executor: str,
        carrier: str,
        key: str,
        signatures: Mapping[str, str],
        heartbeat_s: float,
    ) -> None:
        self._roster = roster
        self._executor = executor
        self._carrier = carrier
        self._key = key
        self._signatures = signatures
        self._heartbeat_s = heartbeat_s
        self._watch = FleetWatch()
        self._at = 0.0
        self.workers: LiveWorkers | None = None
        self.report: FleetReport | None = None

    def latest(self, *, carrier: Broker, now: bool = False) -> LiveWorkers:
        """Return the live workers, not older than a second. Raises JobStoreUnavailable."""
        if self.workers is not None and not now and time.monotonic() < self._at + _REFRESH_S:
            return self.workers
        names = self._roster.live(self._heartbeat_s)
        kinds = self._roster.kinds({name.kind for name in names})
        here = {id_: kind for id_, kind in kinds.items() if kind.carrier == self._carrier}
        ours = {id_: kind for id_, kind in here.items() if self._is_ours(kind)}
        mine = [name for name in names if name.kind in ours]
        self.workers = LiveWorkers(
            names=frozenset(name.text for name in mine),
            kinds=tuple(sorted((id_, self._accepted(kind)) for id_, kind in ours.items())),
            slots=sum(name.slots for name in mine),
            beyond=_all_of(self._accepted(here[id_]) for id_ in here.keys() - ours.keys()),
        )
        self._at = time.monotonic()
        self.report = self._report(names, kinds, carrier)
        self._watch.note(self.report)
        return self.workers

    def _is_ours(self, kind: WorkerKind) -> bool:
        return kind.carrier == self._carrier and kind.verifies(self._key)

    def _accepted(self, kind: WorkerKind) -> frozenset[str]:
        return kind.tasks.difference(kind.differing(self._signatures))

    def _report(
        self, names: Sequence[WorkerName], kinds: Mapping[str, WorkerKind], carrier: Broker
    ) -> FleetReport:
        ours = [kind for kind in kinds.values() if self._is_ours(kind)]
        known = [kinds[name.kind] for name in names if name.kind in kinds]
        mine = [kind for kind in known if kind.executor == self._executor]
        reached = sum(kind.carrier == self._carrier for kind in mine)
        here = sum(map(self._is_ours, mine))
        served = _all_of(map(self._accepted, ours))
        differing = {task for kind in ours for task in kind.differing(self._signatures)}
        return FleetReport(
            executor=self._executor,
            workers=here,
            slots=self.workers.slots if self.workers else 0,
            unserved=tuple(sorted(self._signatures.keys() - served)),
            differing=tuple(sorted(differing)),
            strangers=len(names) - len(known),
            elsewhere=len(mine) - reached,
            other_secrets=reached - here,
            broker_away=carrier.is_away,
            broker_refuses=carrier.refuses,
        )


class FleetWatch:
    """Logs once when something is wrong with an executor's workers, and once when it no longer is.
    For one thread."""

    def __init__(self) -> None:
        self._known: frozenset[Trouble] = frozenset()

    def note(self, report: FleetReport) -> None:
        """Log what has changed since the last report."""
        found = report.troubles
        _log(found - self._known, report.executor)
        _log(
            {
                (_OVER.get(words, f"no longer so: {words}"), task)
                for words, task in self._known - found
            },
            report.executor,
        )
        self._known = found


class HasFleet(Protocol):
    """An executor, as far as its workers elsewhere go. None: it uses none, or has not looked."""

    fleet: FleetReport | None


def fleets_of(executors: Iterable[HasFleet]) -> list[FleetReport]:
    """Return how it stands with workers elsewhere, by executor, as this process saw it a second ago
    or later. Doesn't block."""
    return [each.fleet for each in executors if each.fleet is not None]


def _all_of(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _log(troubles: Iterable[Trouble], executor: str) -> None:
    for words, alike in groupby(sorted(troubles), key=itemgetter(0)):
        tasks = [task for _, task in alike if task]
        more = len(tasks) - _MOST_NAMED
        named = ", ".join(tasks[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        line = f"{words} {named}".rstrip()
        log.warning("%s: %s", executor, line, extra={"executor": executor, "tasks": len(tasks)})
