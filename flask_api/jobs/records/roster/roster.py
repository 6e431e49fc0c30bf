"""The workers on other machines: who lives, what each can run, which of their slots are free.

A worker holds the attempts that it runs as a server process holds its jobs (.holdings): in a set
that fences all its writes, kept by its beats, taken over by a server process when those end. Its
name (.kinds) tells what may run there and which slots it has.
"""

import json
import time
from collections.abc import Collection
from typing import Any, NamedTuple, Self, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.records.job_writer import Ending, Telling
from flask_api.jobs.records.roster.kinds import WorkerKind, WorkerName
from flask_api.jobs.records.scripts import load_scripts
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

_KIND_KEPT_S = 60
_NOTICES_KEPT_S = 60
_NOTICES_AT_ONCE = 100
_SILENT_AT_ONCE = 100
# What is needed to run an attempt, besides what is sent.
_FIELDS = (
    "arguments", "owner_id", "batch", "priority", "max_attempts", "attempts", "cancel_requested",
)  # fmt: skip


class TakenAttempt(NamedTuple):
    """What a worker learns of an attempt that it took: the record's fields."""

    arguments: str
    owner_id: str
    batch: str
    priority: int
    max_attempts: int
    attempts: tuple[Any, ...]
    is_cancelled: bool

    def queued(self, job_id: str, task: str) -> QueuedJob:
        """Return the job that it is an attempt of."""
        return QueuedJob(
            job_id=job_id,
            task=task,
            arguments=self.arguments,
            owner_id=self.owner_id,
            batch=self.batch,
            priority=self.priority,
            max_attempts=self.max_attempts,
            attempts=self.attempts,
        )


class EndNotice(NamedTuple):
    """What a worker tells the process that sent an attempt: how it ended, and whether it was
    still the worker's to end."""

    job_id: str
    attempt: int
    status: str
    answer: int

    @property
    def text(self) -> str:
        """The notice as it is stored."""
        return " ".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what is stored, None for what is no notice."""
        try:
            job_id, attempt, status, answer = text.split(" ")
            return cls(job_id, int(attempt), status, int(answer))
        except ValueError:
            return None


class Roster:
    """Reads and writes about workers. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self._scripts = load_scripts()
        self._kinds: dict[str, WorkerKind | None] = {}

    def beat(
        self,
        worker: WorkerName,
        kind: WorkerKind,
        *,
        free: Collection[str],
        absent: Collection[str] | None = None,
        register: bool = False,
    ) -> tuple[bool, list[str], list[str]]:
        """Say that the worker lives and offer the slots that are free; learn what time it is.
        ``absent``: of these slots those alone.

        False: it was declared dead. And the jobs whose cancel was asked for, and which of the other
        free slots are not on offer.
        """
        keys = [keyspace.WORKERS, keyspace.cancels(worker.text)]
        keys += [keyspace.kind(kind.id), keyspace.idle(kind.id)]
        offered = [slot for slot in free if absent is None or slot in absent]
        others = [slot for slot in free if slot not in offered]
        arguments = [worker.text, "1" if register else "", kind.text, _KIND_KEPT_S]
        arguments += [len(offered), *offered, *others]
        asked_at = time.monotonic()
        alive, *more = self._store.run(self._scripts["worker_beat"], keys, arguments)
        if not alive:
            return False, [], []
        (seconds, microseconds), taken, *cancels = more
        JOBS_CLOCK.learn(int(seconds) + int(microseconds) / 1e6, asked_at=asked_at)
        return True, [str(job) for job in cancels], [str(slot) for slot in taken]

    def take(
        self, worker: WorkerName, *, sender: str, job_id: str, attempt: int, slot: str
    ) -> TakenAttempt | None:
        """Take over an attempt that was sent; None when it is not there to be taken."""
        keys = [keyspace.WORKERS, keyspace.held(sender), keyspace.held(worker.text)]
        keys += [keyspace.record(job_id), keyspace.idle(worker.kind), keyspace.cancels(sender)]
        arguments = [worker.text, sender, job_id, attempt, slot, *_FIELDS]
        word, *fields = self._store.run(self._scripts["take"], keys, arguments)
        if word != "taken":
            return None
        text, owner_id, batch, priority, max_attempts, attempts, cancel_requested = fields
        return TakenAttempt(
            arguments=text or "{}",
            owner_id=owner_id or "",
            batch=batch or "",
            priority=int(priority or 0),
            max_attempts=int(max_attempts or 1),
            attempts=tuple(json.loads(attempts)) if attempts else (),
            is_cancelled=cancel_requested == "1",
        )

    def tell(self, instance: str, notice: EndNotice, *, kind_id: str, slot: str | None) -> None:
        """Tell a process how an attempt ended that it had sent, and everybody that a slot is
        free."""
        keys = [keyspace.WORKERS, keyspace.idle(kind_id), keyspace.notices(instance)]
        arguments = [slot or "", _KIND_KEPT_S, notice.text, _NOTICES_KEPT_S]
        self._store.run(self._scripts["offer_slot"], keys, arguments)

    def telling(self, instance: str, ending: Ending, *, kind_id: str, slot: str | None) -> Telling:
        """Return what has an ending told as :meth:`tell` does, in the round trip that writes it."""
        job_id, number = ending.attempt.job.job_id, ending.attempt.number
        keys = [keyspace.WORKERS, keyspace.idle(kind_id), keyspace.notices(instance)]
        words = f"{job_id} {number}"
        status = ending.status.value
        return Telling(keys, [slot or "", _KIND_KEPT_S, words, status, _NOTICES_KEPT_S])

    def give_back(self, kind_id: str, slot: str) -> None:
        """Say that a slot is free after all, unless its worker is gone."""
        keys = [keyspace.WORKERS, keyspace.idle(kind_id)]
        self._store.run(self._scripts["offer_slot"], keys, [slot, _KIND_KEPT_S])

    def withdraw(self, worker: WorkerName) -> None:
        """Offer none of the worker's slots any more."""
        slots, idle = worker.all_slots, keyspace.idle(worker.kind)
        self._store.write(lambda client: client.zrem(idle, *slots))

    def leave(self, worker: WorkerName) -> list[str]:
        """Take a worker that stops off the list; whoever has room takes what it held."""
        return self._bury(worker, adopter="", held=keyspace.ORPHANS, silence_s=0)

    def bury(self, worker: str, *, instance: str, silence_s: float) -> list[str]:
        """Take over what a silent worker held: all of it or nothing."""
        held = keyspace.held(instance)
        name = WorkerName.parse(worker)
        if name is None:
            self._store.write(lambda client: client.zrem(keyspace.WORKERS, worker))
            return []
        return self._bury(name, adopter=instance, held=held, silence_s=silence_s)

    def silent(self, silence_s: float) -> list[str]:
        """Return workers that have been silent for so long, a hundred at most."""
        now, beats = self._beats(_SILENT_AT_ONCE)
        return [name for name, at in beats if at <= now - silence_s]

    def live(self, silence_s: float) -> list[WorkerName]:
        """Return the workers that have not been silent for so long."""
        now, beats = self._beats(0)
        names = [WorkerName.parse(name) for name, at in beats if at > now - silence_s]
        return [name for name in names if name is not None]

    def kinds(self, kind_ids: Collection[str]) -> dict[str, WorkerKind]:
        """Return what workers of these kinds can run; those of another version are left out."""
        for kind_id in set(kind_ids) - self._kinds.keys():
            text = self._store.get(keyspace.kind(kind_id))
            if text:
                self._kinds[kind_id] = WorkerKind.read(text)
        found = {kind_id: self._kinds.get(kind_id) for kind_id in kind_ids}
        return {kind_id: kind for kind_id, kind in found.items() if kind is not None}

    def wait_for_slot(self, kind_ids: Collection[str], *, timeout_s: float) -> str | None:
        """Return a free slot of these kinds, the caller's from now on; None when there is none in
        time."""
        keys = [keyspace.idle(kind_id) for kind_id in kind_ids]
        found = self._store.write(lambda client: client.bzpopmin(keys, timeout_s))
        return None if found is None else str(cast("tuple[str, str, float]", found)[1])

    def wait_for_notices(self, instance: str, *, timeout_s: float) -> list[EndNotice]:
        """Return what workers told this process, as soon as there is something."""
        key = keyspace.notices(instance)
        found = self._store.write(
            lambda client: client.bzmpop(timeout_s, 1, [key], min=True, count=_NOTICES_AT_ONCE)
        )
        if found is None:
            return []
        _, members = cast("tuple[str, list[tuple[str, str]]]", found)
        notices = (EndNotice.parse(text) for text, _ in members)
        return [notice for notice in notices if notice is not None]

    def _beats(self, most: int) -> tuple[float, list[tuple[str, float]]]:
        """Return the time of Redis, and workers with their last beats, the oldest first."""

        def read(client: RedisClient) -> list[Any]:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.time()
                pipeline.zrange(keyspace.WORKERS, 0, most - 1, withscores=True)
                return pipeline.execute()

        (seconds, _), beats = self._store.read(read)
        return float(seconds), cast("list[tuple[str, float]]", beats)

    def _bury(self, worker: WorkerName, *, adopter: str, held: str, silence_s: float) -> list[str]:
        name, sent = worker.text, keyspace.sent(worker.text)
        keys = [keyspace.WORKERS, keyspace.held(name), keyspace.cancels(name)]
        keys += [keyspace.idle(worker.kind), sent, f"{sent}:intermediate"]
        keys += [keyspace.INSTANCES, held]
        arguments = [name, adopter, silence_s, *worker.all_slots]
        return cast(list[str], self._store.run(self._scripts["bury"], keys, arguments))
