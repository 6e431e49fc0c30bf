"""What jobs and batches tell without asking the service:
the record that was read last, for the sync and the async handles."""

from collections.abc import Mapping
from typing import Any

from gatehouse.protocol.records import BatchRecord, JobRecord


class BaseJob:
    """A job's record and the connection that read it; a subclass says of which kind."""

    _connection: Any

    def __init__(self, connection: Any, record: JobRecord) -> None:
        self._connection = connection
        self.record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.task} {self.status}>"

    @property
    def id(self) -> str:
        """Its id, as in its address."""
        return self.record.id

    @property
    def task(self) -> str:
        """Its task's name."""
        return self.record.task

    @property
    def status(self) -> str:
        """Its status when it was read last."""
        return self.record.status

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """How far it was when it was read last: done, total, message."""
        return self.record.progress


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
        """Its id, as in its address."""
        return self.record.id

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of its jobs were in which status when it was read last."""
        return self.record.counts
