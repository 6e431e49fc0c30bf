"""What an attempt leaves for those after it:
the state that its task saved, and the list of its files.

Both are fields of the job's record: they go when the record goes, and a write is fenced as every
other. The API shows the files and never the state; no event carries it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, encode_field
from flask_api.jobs.records.job_writer import JobWriter, ReportAnswer
from shared.redis import RedisGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """Where a job came to: the state as JSON text, None when none was saved,
    and the entries of its files."""

    state: str | None
    files: tuple[dict[str, Any], ...]


class SavedStates:
    """Reads and writes states. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway, writer: JobWriter) -> None:
        self._store = store
        self._writer = writer

    def get(self, job_id: str) -> SavedState:
        """Return what was kept so far; of a job that kept nothing, an empty one."""
        state, files = cast(
            list[str | None],
            self._store.read(
                lambda client: client.hmget(keyspace.record(job_id), ["state", "files"])
            ),
        )
        return SavedState(state=state, files=tuple(json.loads(files or "[]")))

    def save_state(self, attempt: Attempt, state: str) -> ReportAnswer:
        """Write the state; answers as JobWriter.report."""
        return self._writer.note(attempt, {"state": state})

    def expect_files(
        self, attempt: Attempt, files: Sequence[Mapping[str, Any]], *, file_bytes: int
    ) -> ReportAnswer:
        """Note that a job is about to store a file, for who deletes them at its end;
        answers as save_state.

        ``files`` are those it has, ``file_bytes`` what all will have with the new one.
        """
        fields = {"files": encode_field("files", list(files))}
        return self._writer.note(attempt, fields, file_bytes=file_bytes)
