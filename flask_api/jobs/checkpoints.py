"""What an attempt leaves for those after it: the state that its task saved, and the list of its files.

Both are fields of the job's record: they go when the record goes, and a write is fenced as every other. The API shows the files
and never the state; no event carries it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from flask_api.jobs import names
from flask_api.jobs.ledger import EVENTS_KEPT, LOG_LINES_KEPT
from flask_api.jobs.record import Launch
from shared.redis import Script, Store

_REPORT = Path(__file__).parent / "lua" / "report.lua"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a job came to: the state as JSON text, None when none was saved, and the entries of its files."""

    state: str | None
    files: tuple[dict[str, Any], ...]


class Checkpoints:
    """Reads and writes checkpoints. Thread-safe; every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._report = Script.read(_REPORT)

    def get(self, job_id: str) -> Checkpoint:
        """Return what was kept so far; of a job that kept nothing, an empty one."""
        state, files = cast(
            list[str | None], self._store.read(lambda client: client.hmget(names.record(job_id), ["state", "files"]))
        )
        return Checkpoint(state=state, files=tuple(json.loads(files or "[]")))

    def save_state(self, launch: Launch, state: str, *, instance: str, attempt: int) -> int:
        """Write the state. 0: go on, 1: the job's cancel was asked for, -1: no longer ours, nothing was written."""
        return self._write(launch, "state", state, instance=instance, attempt=attempt)

    def expect_files(self, launch: Launch, *, instance: str, attempt: int) -> int:
        """Note that a job with no file is about to store one, for who deletes them at its end; answers as save_state."""
        return self._write(launch, "files", "[]", instance=instance, attempt=attempt)

    def _write(self, launch: Launch, name: str, text: str, *, instance: str, attempt: int) -> int:
        keys = [names.record(launch.job_id), names.held(instance), names.log(launch.job_id), names.events(launch.owner_id)]
        arguments: list[str | int] = [launch.job_id, attempt, LOG_LINES_KEPT, EVENTS_KEPT, "", 1, name, text]
        return cast(int, self._store.run(self._report, keys, arguments))
