"""Which process holds which jobs: heartbeats, adoption, and what is handed from one to another.

Each write is one atomic script.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.beats import Beat, read_beat
from flask_api.jobs.records.pauses import WorkPauses
from flask_api.jobs.records.scripts import load_scripts
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

_GIVEN_AT_ONCE = 500


class BeatAnswer(NamedTuple):
    """What a process hears at its heartbeat: whether it is alive, or was declared dead; its jobs
    whose cancel was asked for; and what operators have paused."""

    alive: bool
    cancels: Sequence[str] = ()
    pauses: WorkPauses = WorkPauses()


class Holdings:
    """Writes on behalf of one instance. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self._scripts = load_scripts()

    def beat(
        self,
        instance: str,
        *,
        ttl_s: int,
        register: bool = False,
        load: str = "",
    ) -> BeatAnswer:
        """Say that the instance lives, and tell the others its ``load`` (write_beat's text);
        learn what time it is."""
        keys = [keyspace.INSTANCES, keyspace.heartbeat(instance), keyspace.cancels(instance)]
        keys.append(keyspace.PAUSED)
        asked_at = time.monotonic()
        alive, *more = cast(
            list[Any],
            self._store.run(
                self._scripts["heartbeat"],
                keys,
                [instance, ttl_s, "1" if register else "", load],
            ),
        )
        if not alive:
            return BeatAnswer(alive=False)
        (seconds, microseconds), paused, *cancels = more
        JOBS_CLOCK.learn(int(seconds) + int(microseconds) / 1e6, asked_at=asked_at)
        return BeatAnswer(True, [str(job) for job in cancels], WorkPauses.read(paused))

    def look_at(self, others: Sequence[str]) -> dict[str, Beat | None]:
        """Return what each of these instances lets know, None for one whose heartbeat is gone."""

        def read(client: RedisClient) -> list[Any]:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.mget([keyspace.heartbeat(other) for other in others])
                for other in others:
                    pipeline.scard(keyspace.held(other))
                return pipeline.execute()

        if not others:
            return {}
        beats, *held = self._store.read(read)
        return {
            other: None if beat is None else read_beat(beat, held=count)
            for other, beat, count in zip(others, beats, held, strict=True)
        }

    def all_of(self, instance: str) -> frozenset[str]:
        """Return the jobs that the instance holds."""
        key = keyspace.held(instance)
        return frozenset(self._store.read(lambda client: cast("set[str]", client.smembers(key))))

    def some_of(self, instance: str, count: int) -> list[str]:
        """Return jobs that the instance holds: all, or ``count`` of them by chance."""
        key = keyspace.held(instance)
        return cast(list[str], self._store.read(lambda client: client.srandmember(key, count)))

    def steal(self, job_ids: Sequence[str], *, giver: str, instance: str) -> list[str]:
        """Take those of these jobs that the giver still holds and has not begun; return them."""
        keys = [keyspace.INSTANCES, keyspace.held(giver), keyspace.held(instance)]
        keys += map(keyspace.record, job_ids)
        return cast(list[str], self._store.run(self._scripts["steal"], keys, [instance, *job_ids]))

    def free_places(self, task: str) -> int:
        """Let go of places among a task's running jobs that none of them has any more."""
        key = keyspace.running(task)
        jobs = sorted(self._store.read(lambda client: cast("set[str]", client.smembers(key))))
        keys = [key, *map(keyspace.record, jobs)]
        return cast(int, self._store.run(self._scripts["free_places"], keys, jobs)) if jobs else 0

    def silence(self, ended: str) -> None:
        """Take away the heartbeat of an instance whose process is known to have ended."""
        self._store.write(lambda client: client.delete(keyspace.heartbeat(ended)))

    def adopt(self, dead: str, *, instance: str) -> list[str]:
        """Take over what a dead instance held: all of it or nothing."""
        keys = [
            keyspace.INSTANCES,
            keyspace.heartbeat(dead),
            keyspace.held(dead),
            keyspace.held(instance),
            keyspace.cancels(dead),
        ]
        return cast(list[str], self._store.run(self._scripts["adopt"], keys, [dead, instance]))

    def claim(self, instance: str, *, limit: int) -> list[str]:
        """Take jobs whose time has come, and those that stopping instances handed over."""
        keys = [keyspace.INSTANCES, keyspace.held(instance), keyspace.DELAYED, keyspace.ORPHANS]
        return cast(
            list[str],
            self._store.run(self._scripts["claim"], keys, [instance, JOBS_CLOCK.now(), limit]),
        )

    def settle(self, job_ids: Sequence[str], *, instance: str) -> list[str]:
        """Make sure that jobs which came to the instance are held by it alone; return those that
        are. Of one that has ended, or that another holds by now, nothing is left here."""
        keys = [keyspace.held(instance), *map(keyspace.record, job_ids)]
        arguments = [instance, keyspace.held(""), *job_ids]
        return cast(list[str], self._store.run(self._scripts["settle"], keys, arguments))

    def leave(self, job_ids: Sequence[str], *, instance: str, pause_s: int) -> None:
        """Put back jobs that wait here and can't run here; any instance claims them then."""
        keys = [keyspace.held(instance), keyspace.DELAYED]
        self._store.run(self._scripts["leave"], keys, [pause_s, *job_ids])

    def give_up(self, job_ids: Sequence[str], *, instance: str) -> None:
        """Give away queued jobs that the instance will not begin: one that has room begins them."""

        def write(client: RedisClient, first: int) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids[first : first + _GIVEN_AT_ONCE]:
                    pipeline.smove(keyspace.held(instance), keyspace.ORPHANS, job_id)
                pipeline.execute()

        for first in range(0, len(job_ids), _GIVEN_AT_ONCE):
            self._store.write(partial(write, first=first))

    def hand_over(self, instance: str) -> int:
        """Give away what the instance holds and leave; return how many jobs that were."""
        keys = [
            keyspace.INSTANCES,
            keyspace.held(instance),
            keyspace.ORPHANS,
            keyspace.heartbeat(instance),
            keyspace.cancels(instance),
        ]
        return cast(int, self._store.run(self._scripts["hand_over"], keys, [instance]))
