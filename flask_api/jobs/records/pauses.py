"""What operators have paused: tasks and executors of which nothing begins until they are resumed.

One hash, which every process reads with each of its heartbeats: so all of them know within a beat,
and a job's turn costs nothing more. What was paused stays so over restarts, also when no process
has that task any more.

    paused    'task:primes.sum' -> {"by": "ada", "since": "2026-11-29T14:05:00Z", "note": "..."}
              'executor:rq'     -> the same
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, Self, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.scripts import load_scripts
from shared.redis import RedisGateway

LONGEST_NOTE = 200
Pausable = Literal["task", "executor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPause:
    """That nothing of a task or an executor begins. ``by``: an operator's name, for operators;
    ``since``: RFC 3339; ``note``: what they say to everybody whose jobs wait."""

    by: str
    since: str
    note: str = ""


class WorkPauses(NamedTuple):
    """All that is paused at one moment, by what and name: 'task:primes.sum'."""

    found: Mapping[str, WorkPause] = MappingProxyType({})

    def find(self, task: str, executor: str) -> WorkPause | None:
        """Return why nothing of a task begins on its executor, None when it may."""
        return self.found.get(f"executor:{executor}") or self.found.get(f"task:{task}")

    def of(self, executor: str, executor_names: Mapping[str, str]) -> frozenset[str]:
        """Return the tasks of an executor that are paused; ``executor_names``: each task's."""
        return frozenset(
            task
            for task, name in executor_names.items()
            if name == executor and self.find(task, name)
        )

    @classmethod
    def read(cls, flat: Sequence[str]) -> Self:
        """Return what is stored, names and texts in turn; one that another version wrote pauses all
        the same."""
        return cls({name: _read(text) for name, text in zip(flat[::2], flat[1::2], strict=True)})


class PauseStore:
    """Reads and writes what is paused. Thread-safe; raises JobStoreUnavailable when Redis is away.
    Works while Redis is full."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self._script = load_scripts()["pause"]

    def all(self) -> WorkPauses:
        """Return all that is paused now."""
        stored = self._store.read(
            lambda client: cast("dict[str, str]", client.hgetall(keyspace.PAUSED))
        )
        return WorkPauses({name: _read(text) for name, text in stored.items()})

    def pause(self, what: Pausable, name: str, pause: WorkPause) -> bool:
        """Let nothing more of it begin; tell whether it did until now. Idempotent: the first pause
        stays as it is."""
        return self._write(f"{what}:{name}", json.dumps(asdict(pause)))

    def resume(self, what: Pausable, name: str) -> bool:
        """Let it begin again; tell whether it was paused. Idempotent."""
        return self._write(f"{what}:{name}", "")

    def _write(self, name: str, text: str) -> bool:
        return bool(self._store.run(self._script, [keyspace.PAUSED], [name, text]))


def _read(text: str) -> WorkPause:
    try:
        stored = json.loads(text)
        return WorkPause(
            by=str(stored["by"]),
            since=str(stored["since"]),
            note=str(stored["note"])[:LONGEST_NOTE],
        )
    except (ValueError, TypeError, KeyError):
        return WorkPause(by="", since="")
