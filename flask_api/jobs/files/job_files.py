"""The files that jobs' records list, to be read: where each is stored only the record knows."""

import json
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from flask_api.jobs.files.storage import FileStore, stored_name
from flask_api.jobs.records import keyspace
from shared.redis import RedisGateway


class JobFiles:
    """Opens jobs' files. Thread-safe; raises JobStoreUnavailable while Redis is away."""

    def __init__(self, store: RedisGateway, files: FileStore) -> None:
        self._store = store
        self._files = files

    def open(self, job_id: str, name: str) -> BinaryIO:
        """Open the file that the record lists by this name. Raises FileNotFoundError."""
        before = None
        # One that is saved again goes once the new one is listed: then that is read.
        while (stored := self._find_stored(job_id, name)) not in (None, before):
            with suppress(FileNotFoundError):
                return self._files.open(job_id, stored)
            before = stored
        raise FileNotFoundError(name)

    def find_path(self, job_id: str, name: str) -> Path | None:
        """Return where a file lies on this machine; None when the record lists none of this name,
        or the storage is elsewhere."""
        stored = self._find_stored(job_id, name)
        return None if stored is None else self._files.find_path(job_id, stored)

    def _find_stored(self, job_id: str, name: str) -> str | None:
        text = cast(
            "str | None",
            self._store.read(lambda client: client.hget(keyspace.record(job_id), "files")),
        )
        entries = json.loads(text or "[]")
        return next((stored_name(entry) for entry in entries if entry["name"] == name), None)
