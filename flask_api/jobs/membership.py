"""This process among the others: its name, its heartbeat,
and what it takes over from those that died or stopped.

One thread per process, and one that sweeps: a heartbeat must not wait for that. A process that was
paused for so long that another took it for dead finds that out by its next beat,
forgets all it held, and comes back under a new name.
"""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import cast

from flask_api.jobs.errors import StopReason
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.neighbours import Neighbours, mark_of_this_process
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.holdings import BeatAnswer, Holdings
from flask_api.jobs.records.pauses import WorkPauses
from flask_api.jobs.records.roster import Roster
from flask_api.jobs.work_stealing import WorkStealing
from flask_api.jobs.workers.worker import Worker
from shared.errors import ConfigurationError, JobStoreUnavailable
from shared.redis import RedisGateway

log = logging.getLogger("gatehouse.jobs")

TICK_S = 0.25
_CLAIMED_AT_ONCE = 500
_BACKLOG_TICKS = 4
_BACKLOG_CLAIMS = 4
_AUDIT_EVERY_S = 5.0
_SWEEP_EVERY_S = 5.0
# one that deletes a file on storage that hangs must not hold up a stop; it is a daemon
_JOIN_S = 2.0
# A missing heartbeat must stay missing so long while we are connected: after an outage of Redis all
# are missing at once, and everyone needs a moment to beat again.
SUSPECT_S = 3.0
_OUTAGE_S = 1.0


class Membership:
    """Keeps this process's place among the others. ``start`` after any fork."""

    def __init__(
        self,
        store: RedisGateway,
        worker: Worker,
        sweeper: Sweeper,
        *,
        heartbeat_s: int,
        allow_volatile: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._holdings = Holdings(store)
        self.worker = worker
        self._held = worker.held
        self._stealing = WorkStealing(store, worker, self._holdings)
        self._sweeper = sweeper
        self._heartbeat_s = heartbeat_s
        self._allow_volatile = allow_volatile
        self._clock = clock
        self._stopping = threading.Event()
        self._renewing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._sweeping: threading.Thread | None = None
        self._roster = Roster(store)
        self._neighbours = Neighbours(None)
        self._suspects: dict[str, float] = {}
        self._away_since: float | None = None
        self._strays: frozenset[str] = frozenset()
        self.pauses = WorkPauses()  # as of the last beat
        self._full_claims = 0
        self._next_audit_at = clock() + _AUDIT_EVERY_S

    @property
    def name(self) -> str:
        """This process's name among the others; empty while it may hold no jobs.
        Waits for a renewal that is under way."""
        if self._held.instance:
            return self._held.instance
        with self._renewing:
            return self._held.instance

    def start(self) -> None:
        """Register and go on in a thread. While Redis is away, the thread registers later.

        Raises ConfigurationError on a Redis that may lose accepted jobs.
        """
        self._neighbours = Neighbours(mark_of_this_process(), clock=self._clock)
        try:
            self._register()
        except JobStoreUnavailable:
            log.debug("not registered yet")  # which Redis is missed the seam has said
        sweep = partial(self._sweeper.run, every_s=_SWEEP_EVERY_S)
        self._thread = threading.Thread(target=self._run, name="gatehouse-instance", daemon=True)
        self._sweeping = threading.Thread(target=sweep, name="gatehouse-sweeper", daemon=True)
        self._thread.start()
        self._sweeping.start()

    def stop(self) -> None:
        """End the threads and hand over what is still held, at once. Idempotent."""
        self._stopping.set()
        self._sweeper.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        # or a submit that finds its name gone meanwhile would register a new one
        with self._renewing:
            if self._held.instance:
                self._hand_over()
            self._held.instance = ""
        if self._sweeping is not None:
            self._sweeping.join(_JOIN_S)
            self._sweeping = None

    def renew(self, dead: str) -> None:
        """Come back under a new name after ``dead``, ours, was declared dead.
        Once, however many threads find that out."""
        with self._renewing:
            if self._held.instance != dead:
                return
            log.warning("this process was taken for dead; it goes on under a new name")
            self._held.instance = ""
            self.worker.abandon()
            self._register()

    def tick(self) -> None:
        """Beat once, take over what is there, audit now and then. Raises JobStoreUnavailable."""
        with self._renewing:
            if not self._held.instance:
                self._register()
        if not self._beats():
            return
        self._claim()
        if not self.worker.is_draining:  # who stops takes nothing that others could begin now
            self._look_at_the_others()
        self._let_go()  # after the look: until then it is known what can't begin here
        if self._clock() >= self._next_audit_at:
            self._next_audit_at = self._clock() + _AUDIT_EVERY_S
            self._audit()

    def _beats(self) -> bool:
        """Beat once; False when this process was declared dead: it has another name then. Also
        while it takes over: what a full process held takes longer than a heartbeat lasts."""
        instance = self._held.instance
        answer = self._beat(instance)
        self._trust_silence_again()
        if not answer.alive:
            self.renew(instance)
        self._held.stop(answer.cancels, StopReason.CANCELLED)
        return answer.alive

    def _claim(self) -> None:
        """Take jobs that nobody holds: as many as could begin soon, so that processes share them.

        When that was too few for a second, take many: in our queue people take turns, but these
        come in the order of their time, and whoever has ten thousand of them would hold up
        everybody's retries for minutes.
        """
        limit = min(_CLAIMED_AT_ONCE, self.worker.room)
        if not limit:
            return
        self._full_claims = self._full_claims + 1 if self._claim_some(limit) == limit else 0
        if self._full_claims < _BACKLOG_TICKS:
            return
        for _ in range(_BACKLOG_CLAIMS):
            limit = min(_CLAIMED_AT_ONCE, self.worker.places)
            if not limit or self._claim_some(limit) < limit:
                break

    def _claim_some(self, limit: int) -> int:
        jobs = self._holdings.claim(self._held.instance, limit=limit)
        self.worker.take_over(jobs, go_on=self._beats)
        return len(jobs)

    def _trust_silence_again(self) -> None:
        """After an outage all are silent at first; one slow answer is no outage."""
        if self._away_since is not None and self._clock() - self._away_since > _OUTAGE_S:
            self._suspects.clear()
        self._away_since = None

    def _run(self) -> None:
        # Spread: many processes started together must not ask together for ever.
        self._stopping.wait(random.uniform(0, TICK_S))  # noqa: S311  # spreads load, guards nothing
        while not self.worker.watch.wait(self._stopping, TICK_S):
            try:
                self.tick()
            except JobStoreUnavailable:
                self._away_since = self._away_since or self._clock()
            except ConfigurationError as error:
                log.error("not taking jobs: %s", error.message)
            except Exception:
                log.exception("a tick failed; the next one tries again")

    def _hand_over(self) -> None:
        try:
            left = self._holdings.hand_over(self._held.instance)
            if left:
                log.warning("handed over unfinished jobs", extra={"jobs": left})
        except JobStoreUnavailable:
            log.warning(
                "not handed over: Redis is away; the jobs are adopted when our heartbeat has ended"
            )

    def _register(self) -> None:
        self.require_durable_redis()
        self._neighbours.is_beside_redis = self._store.is_beside_redis()
        instance = str(uuid.uuid4())
        self._beat(instance, register=True)
        self._held.instance = instance

    def require_durable_redis(self) -> None:
        """Raise ConfigurationError for a Redis that may lose accepted jobs,
        unless that is allowed."""
        if self._allow_volatile:
            return
        info = self._store.read(lambda client: client.info())
        if int(info.get("loading", 0)):
            # It answers INFO already, and says that it appends to no file:
            # it would while it reads that file.
            raise JobStoreUnavailable("Redis reads its data; try again shortly.")
        if not info.get("aof_enabled"):
            raise ConfigurationError(
                "the jobs' Redis keeps no append-only file, so an accepted job could be lost: set "
                "appendonly yes there, "
                "or GATEHOUSE_ALLOW_VOLATILE_REDIS=true here"
            )
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if policy != "noeviction":
            raise ConfigurationError(
                f"the jobs' Redis may evict accepted jobs (maxmemory-policy {policy}): set "
                "noeviction there, "
                "or GATEHOUSE_ALLOW_VOLATILE_REDIS=true here"
            )

    def _let_go(self) -> None:
        """Let what waits for a place of its task ask again: it may have ended elsewhere. And let no
        job wait longer for a slot whose jobs were short until now."""
        for executor in self.worker.executors:
            for task in executor.queue.held_back:
                executor.let_go(task)
            executor.wake()

    def _beat(self, instance: str, *, register: bool = False) -> BeatAnswer:
        load = self._neighbours.write_beat([each.load for each in self.worker.executors])
        answer = self._holdings.beat(
            instance, ttl_s=self._heartbeat_s, register=register, load=load
        )
        if answer.alive and answer.pauses != self.pauses:
            self.pauses = answer.pauses
            for each in self.worker.executors:  # what is resumed goes on at the end of this tick
                each.queue.pause(answer.pauses.of(each.name, self.worker.executor_names))
        return answer

    def _look_at_the_others(self) -> None:
        others = self._store.read(
            lambda client: cast("set[str]", client.smembers(keyspace.INSTANCES))
        )
        others -= {self._held.instance}
        beats = self._holdings.look_at(sorted(others))
        for ended in (gone := self._neighbours.ended(beats)):
            self._holdings.silence(ended)
        silent = [other for other, beat in beats.items() if beat is None or other in gone]
        self._adopt(silent, gone, workers=self._roster.silent(self._heartbeat_s))
        self._stealing.take_some({other: beat for other, beat in beats.items() if beat})

    def _adopt(self, silent: list[str], gone: list[str], *, workers: list[str]) -> None:
        now = self._clock()
        silent_since = {each: self._suspects.get(each, now) for each in (*silent, *workers)}
        self._suspects = silent_since
        for other, since in silent_since.items():
            if now - since >= SUSPECT_S or other in gone:
                jobs = self._adopted(other, is_worker=other in workers)
                told = {"instance": other, "jobs": len(jobs)}
                log.warning("adopted the jobs of a dead process", extra=told)
                self.worker.take_over(jobs, go_on=self._beats)

    def _adopted(self, dead: str, *, is_worker: bool) -> list[str]:
        instance = self._held.instance
        if is_worker:
            return self._roster.bury(dead, instance=instance, silence_s=self._heartbeat_s)
        return self._holdings.adopt(dead, instance=instance)

    def _audit(self) -> None:
        """Take up what Redis says we hold and we don't know: an accept whose answer was lost.
        Two looks, to be sure."""
        # Not by numbers: what is known and not yet durable, under load always some,
        # would hide what is held and not known.
        ours = self._stealing.drop_taken()
        for task in {task for each in self.worker.executors for task in each.queue.held_back}:
            self._holdings.free_places(task)
        strays = ours - self._held.ids()
        self.worker.take_over(sorted(strays & self._strays), go_on=self._beats)
        self._strays = strays
