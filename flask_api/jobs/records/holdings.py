"""Which process holds which jobs: heartbeats, adoption, and what is handed from one to another.

Each write is one atomic script.
"""

import time
from collections.abc import Sequence
from typing import Any, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.scripts import load_scripts
from shared.redis import Client, Store


class Holdings:
    """Writes on behalf of one instance. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scripts = load_scripts()

    def beat(self, instance: str, *, ttl_s: int, register: bool = False) -> tuple[bool, list[str]]:
        """Say that the instance lives. False: it was declared dead.
        And the jobs whose cancel was asked for."""
        keys = [keyspace.INSTANCES, keyspace.heartbeat(instance), keyspace.cancels(instance)]
        alive, *cancels = cast(
            list[Any],
            self._store.run(
                self._scripts["heartbeat"], keys, [instance, ttl_s, "1" if register else ""]
            ),
        )
        return bool(alive), [str(job) for job in cancels]

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
            list[str], self._store.run(self._scripts["claim"], keys, [instance, time.time(), limit])
        )

    def give_up(self, job_ids: Sequence[str], *, instance: str) -> None:
        """Give away queued jobs that the instance will not begin: whoever has room begins them."""

        def write(client: Client) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.smove(keyspace.held(instance), keyspace.ORPHANS, job_id)
                pipeline.execute()

        self._store.write(write)

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
