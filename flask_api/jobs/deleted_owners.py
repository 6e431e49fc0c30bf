"""What ends with a person who is deleted or deactivated:
their shares, and their jobs that have not ended.

Django marks who is gone (shared.contract.gone). One process of the installation at a time visits
those who were marked since the last visit, and each of them once more ten minutes later: a submit
that was let in just before the mark may be accepted after it. Waiting jobs, delayed ones and those
of batches are cancelled, running ones are asked to stop, all as if their owner had cancelled them:
one atomic step each, fenced, and done again it changes nothing.

Nothing comes back when the person is active again, and nothing new of theirs is touched: jobs are
listed before the mark is looked for, and while it is there nobody can submit for them.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from flask_api.jobs.errors import IllegalTransition
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.sharing.shares import forget, names_of
from shared.clock import JOBS_CLOCK
from shared.contract.gone import GonePeople
from shared.redis import RedisClient, RedisGateway

log = logging.getLogger("gatehouse.jobs")

EVERY_S = 5
AGAIN_S = 600
_AT_ONCE = 500
_FIRST, _AGAIN = "first", "again"


class DeletedOwners:
    """Visits who is gone. Thread-safe; raises JobStoreUnavailable or SessionStoreUnavailable while
    Redis is away."""

    def __init__(
        self,
        store: RedisGateway,
        gone: GonePeople,
        cancel: Callable[[Job], None],
        *,
        every_s: int = EVERY_S,
        again_s: int = AGAIN_S,
    ) -> None:
        self._store = store
        self._jobs = JobReader(store)
        self._gone = gone
        self._cancel = cancel
        self._every_s = every_s
        self._again_s = again_s
        self._take_turn = load_scripts()["take_sweep_turn"]
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Visit nobody more; what is left is for the next turn. Doesn't block."""
        self._stopping.set()

    def visit(self) -> int:
        """Visit who was marked, if it is this process's turn;
        return how many jobs were cancelled or asked to stop."""
        if not self._store.run(self._take_turn, [keyspace.DEPARTURES_TURN], [self._every_s]):
            return 0
        long_ago = int((JOBS_CLOCK.now() - self._again_s) * 1_000_000)
        return self._visit(_FIRST, until=None) + self._visit(_AGAIN, until=long_ago)

    def _visit(self, round_: str, *, until: int | None) -> int:
        """Go on where this round got to last time, in whichever process that was."""
        cancelled = 0
        while not self._stopping.is_set():
            at = int(
                cast(
                    "str",
                    self._store.read(lambda client: client.hget(keyspace.DEPARTURES_SEEN, round_))
                    or 0,
                )
            )
            marked = self._gone.marked_after(at, until=until, limit=_AT_ONCE)
            if not marked:
                break
            for person in self._who_keep_jobs([person for person, _ in marked]):
                cancelled += self._end_all_of(person)
            if not self._stopping.is_set():
                moment = marked[-1][1]
                self._store.write(
                    lambda client: client.hset(keyspace.DEPARTURES_SEEN, round_, str(moment))  # noqa: B023  # run at once
                )
        return cancelled

    def _who_keep_jobs(self, people: Sequence[str]) -> list[str]:
        """Return those of whom there is a job at all: most people who go keep none."""
        found = self._store.read(
            lambda client: _exist(client, [keyspace.owner(person) for person in people])
        )
        found_open = self._store.read(
            lambda client: _exist(client, [keyspace.opened(person) for person in people])
        )
        return [
            person
            for person, owns, has_open in zip(people, found, found_open, strict=True)
            if owns or has_open
        ]

    def _end_all_of(self, person: str) -> int:
        """End a person's shares and cancel their jobs, unless they are back already."""
        unfinished = sorted(
            self._store.read(
                lambda client: cast("set[str]", client.smembers(keyspace.opened(person)))
            )
        )
        shares = names_of(self._store, person)
        if not self._gone.is_gone(person):
            return 0
        forget(self._store, person, shares)
        # Waiting ones first: a slot that a running one gives up would begin the next of them.
        cancelled = self._cancel_all(unfinished, running=False) + self._cancel_all(
            unfinished, running=True
        )
        if cancelled:
            log.info(
                "cancelled the jobs of somebody who is gone",
                extra={"user_id": person, "jobs": cancelled},
            )
        return cancelled

    def _cancel_all(self, ids: Sequence[str], *, running: bool) -> int:
        cancelled = 0
        for first in range(0, len(ids), _AT_ONCE):
            for job in self._jobs.find_heads(ids[first : first + _AT_ONCE]):
                if self._stopping.is_set():
                    return cancelled
                if not job.status.is_outcome and (running or job.status is not JobStatus.RUNNING):
                    with suppress(IllegalTransition):  # it has ended meanwhile
                        self._cancel(job)
                        cancelled += 1
        return cancelled


def _exist(client: RedisClient, keys: Sequence[str]) -> list[int]:
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.exists(key)
        return cast("list[int]", pipeline.execute())
