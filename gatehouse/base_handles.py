"""The properties of jobs and batches that need no request, for both clients:
they are those of the record that was fetched last."""

from collections.abc import Mapping
from typing import Any

from gatehouse.protocol.records import BatchRecord, JobRecord, SharedRecord


class _BaseRun:
    """A job by what was fetched of it last."""

    record: JobRecord | SharedRecord

    @property
    def task(self) -> str:
        """The name of the job's task."""
        return self.record.task

    @property
    def status(self) -> str:
        """The job's status when it was fetched last."""
        return self.record.status

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """How far the job was when it was fetched last: done, total, message."""
        return self.record.progress


class BaseJob(_BaseRun):
    """A job's record and the connection that read it; a subclass says of which kind."""

    _connection: Any
    record: JobRecord

    def __init__(self, connection: Any, record: JobRecord) -> None:
        self._connection = connection
        self.record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.task} {self.status}>"

    @property
    def id(self) -> str:
        """The job's id, as in its address."""
        return self.record.id


class BaseSharedJob(_BaseRun):
    """What is shown of a shared job, and the connection that read it."""

    _connection: Any
    record: SharedRecord

    def __init__(self, connection: Any, token: str, record: SharedRecord) -> None:
        self._connection = connection
        self._token = token
        self.record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.task} {self.status}>"


class BaseBatch:
    """A batch's record and the connection that read it; a subclass says of which kind."""

    _connection: Any

    def __init__(self, connection: Any, record: BatchRecord) -> None:
        self._connection = connection
        self.record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.record.task} of {self.record.total}>"

    @property
    def id(self) -> str:
        """The batch's id, as in its address."""
        return self.record.id

    @property
    def counts(self) -> Mapping[str, int]:
        """How many jobs were in which status when the batch's record was fetched last."""
        return self.record.counts
