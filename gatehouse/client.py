"""The client: submit jobs, wait for them, read their results.

Made from gatehouse/async_client.py by script/sync_client.py: change that one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from gatehouse.config import find_access, shared_token
from gatehouse.handles import Batch, Job, SharedJob
from gatehouse.protocol import requests
from gatehouse.protocol.events import Event
from gatehouse.protocol.followers import EventFollower
from gatehouse.protocol.names import AnyTask, arguments_of, name_of
from gatehouse.protocol.records import (
    BatchRecord,
    JobRecord,
    Me,
    SharedRecord,
    ShareRecord,
    TaskInfo,
    UploadedFile,
    Usage,
)
from gatehouse.transport.connection import ServiceConnection
from gatehouse.transport.uploads import Source, upload


class Client:
    """One service, asked with one key. Thread-safe. Close it, or use it in a ``with``.

    ``base_url`` and ``key``: else GATEHOUSE_URL and GATEHOUSE_KEY, else what ``gatehouse login``
    saved. ``timeout_s`` bounds each silence of the service. ``patience_s`` bounds how long a call
    is tried again: lost connections, 502, 503, 504, and 429; 0 never. A submit carries an
    Idempotency-Key: it is one job however often it is sent.
    Raises ConfigurationError when no address or key is known.
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
    ) -> None:
        self.access = find_access(base_url, key)
        self.connection = ServiceConnection(self.access, timeout_s=timeout_s, patience_s=patience_s)

    def __repr__(self) -> str:
        return f"<Client of {self.access.address}>"

    @property
    def address(self) -> str:
        """The service's address."""
        return self.access.address

    @property
    def patience_s(self) -> float:
        """The time for which a call is tried again, in seconds. Can be changed."""
        return self.connection.patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self.connection.patience_s = seconds

    def me(self) -> Me:
        """Return the person that the key acts as."""
        return self.connection.call(requests.get_me(), Me.from_json)

    def usage(self) -> Usage:
        """Return how much the person keeps, and how much they may."""
        return self.connection.call(requests.get_usage(), Usage.from_json)

    def tasks(self) -> list[TaskInfo]:
        """Return the tasks that can be submitted."""
        return self.connection.call(requests.get_tasks(), TaskInfo.list_from_json)

    def submit(
        self,
        task: AnyTask,
        /,
        arguments: Mapping[str, Any] | None = None,
        *,
        priority: requests.Priority | None = None,
        delay_s: float | None = None,
        start_at: datetime | None = None,
        idempotency_key: str | None = None,
        **named: Any,
    ) -> Job:
        """Submit a job; it is durable when this returns. ``arguments``, or each by its name:
        ``submit("t", limit=5)``."""
        request = requests.submit_job(
            name_of(task),
            arguments_of(arguments, named),
            priority=priority,
            delay_s=delay_s,
            start_at=start_at,
            idempotency_key=idempotency_key,
        )
        record = self.connection.call(request, JobRecord.from_json)
        return Job(self.connection, record)

    def submit_batch(
        self,
        task: AnyTask,
        arguments: Sequence[Mapping[str, Any]],
        *,
        priority: requests.Priority | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Submit a job for each set of arguments, all or none."""
        request = requests.submit_batch(
            name_of(task), arguments, priority=priority, idempotency_key=idempotency_key
        )
        record = self.connection.call(request, BatchRecord.from_json)
        return Batch(self.connection, record)

    def job(self, job_id: str) -> Job:
        """Return a job. Raises NotFound or Expired."""
        record = self.connection.call(requests.get_job(job_id), JobRecord.from_json)
        return Job(self.connection, record)

    def jobs(self, *, status: str | None = None, task: str | None = None) -> Iterator[Job]:
        """Yield the person's jobs, newest first; each page is fetched when it is needed."""
        cursor: str | None = None
        while True:
            request = requests.list_jobs(status=status, task=task, cursor=cursor)
            records, cursor = self.connection.call(request, JobRecord.page_from_json)
            for record in records:
                yield Job(self.connection, record)
            if cursor is None:
                return

    def batch(self, batch_id: str) -> Batch:
        """Return a batch. Raises NotFound."""
        record = self.connection.call(requests.get_batch(batch_id), BatchRecord.from_json)
        return Batch(self.connection, record)

    def batches(self) -> Iterator[Batch]:
        """Yield the person's batches, newest first; each page is fetched when it is needed."""
        cursor: str | None = None
        while True:
            request = requests.list_batches(cursor=cursor)
            records, cursor = self.connection.call(request, BatchRecord.page_from_json)
            for record in records:
                yield Batch(self.connection, record)
            if cursor is None:
                return

    def delete(self, job_id: str) -> None:
        """Delete an ended job and all that it kept.
        Raises Conflict for an unfinished job, and for a job of a batch."""
        self.connection.delete(requests.delete_job(job_id))

    def delete_batch(self, batch_id: str) -> None:
        """Delete a batch whose jobs have all ended, and all that these kept.
        Raises Conflict for any other."""
        self.connection.delete(requests.delete_batch(batch_id))

    def shares(self) -> list[ShareRecord]:
        """Return all that the person shares, the latest first, without the addresses.
        ``job.share`` makes one."""
        return self.connection.call(requests.list_shares(), ShareRecord.list_from_json)

    def end_share(self, share_id: str) -> None:
        """End a share: from the next request on its address opens nothing. Raises NotFound."""
        self.connection.delete(requests.end_share(share_id))

    def shared(self, address: str) -> SharedJob:
        """Return a job that somebody shares, by the address that they gave, or its token.
        Raises NotFound for whatever reason it is not shown, and ConfigurationError for an address
        of another service, or of anything else: nothing is sent then."""
        token = shared_token(address, self.access.address)
        record = self.connection.call(requests.get_shared(token), SharedRecord.from_json)
        return SharedJob(self.connection, token, record)

    def upload(self, source: Source, *, name: str | None = None) -> UploadedFile:
        """Send a file, by its path or as an open binary stream,
        for a task's parameter of type file."""
        return self.connection.call(upload(source, name=name), UploadedFile.from_json)

    def events(self, *, last_event_id: str = "") -> Iterator[Event]:
        """Yield what happens to the person's jobs, from now on or after the event with this id.
        Ends only by an error.

        Raises Unavailable when the service can't open another stream:
        then wait for jobs one by one.
        """
        return self.connection.follow(
            EventFollower("/events", last_event_id=last_event_id, patience_s=self.patience_s)
        )

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()

    def reconnect(self) -> None:
        """Drop every connection and make new ones:
        what is under way breaks, and is tried again as after any lost connection.

        For after the sleep of the machine, when old connections may be dead without a word.
        Call it while no other thread uses the client.
        """
        self.connection.reconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
