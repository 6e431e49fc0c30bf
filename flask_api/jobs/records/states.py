"""What an attempt leaves for those after it:
the state that its task saved, and the list of its files.

Both are fields of the job's record: they go when the record goes, and a write is fenced as every
other. The API shows the files and never the state; no event carries it.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from flask_api.jobs.records import keyspace
from shared.redis import RedisGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """Where a job came to: the state as JSON text, None when none was saved,
    and the entries of its files, each with as what it is stored. ``listed``: their list as it is
    itself stored, None when no attempt was ever about to store a file."""

    state: str | None
    files: tuple[dict[str, Any], ...]
    listed: str | None


class SavedStates:
    """Reads states, which JobWriter.note writes. Thread-safe;
    raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store

    def get(self, job_id: str) -> SavedState:
        """Return what was kept so far; of a job that kept nothing, an empty one."""
        state, files = cast(
            list[str | None],
            self._store.read(
                lambda client: client.hmget(keyspace.record(job_id), ["state", "files"])
            ),
        )
        entries = tuple(json.loads(files or "[]"))
        return SavedState(state=state, files=entries, listed=files)
