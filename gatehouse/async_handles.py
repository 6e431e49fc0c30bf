"""A job and a batch for asyncio. Each holds the record that was read last;
methods ask the service.

script/sync_client.py makes gatehouse.handles from this module."""

from collections.abc import AsyncIterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.base_handles import BaseBatch, BaseJob
from gatehouse.errors import NotFound, Unavailable, WaitTimedOut
from gatehouse.protocol import requests
from gatehouse.protocol.events import Event
from gatehouse.protocol.flows import wait
from gatehouse.protocol.followers import EventFollower, ResultsFollower
from gatehouse.protocol.records import BatchRecord, JobFile, JobRecord, JobResult
from gatehouse.transport.downloads import Target

if TYPE_CHECKING:
    from gatehouse.protocol.wire import ApiRequest
    from gatehouse.transport.async_connection import AsyncConnection


class AsyncJob(BaseJob):
    """One launch of a task."""

    _connection: "AsyncConnection"

    async def refresh(self) -> JobRecord:
        """Read its record anew."""
        return await self._update(requests.get_job(self.id))

    async def wait(self, timeout_s: float | None = None) -> JobRecord:
        """Return its record when it has ended. Raises WaitTimedOut after ``timeout_s``;
        it goes on then."""
        self.record = await self._connection.run(
            wait(self.id, timeout_s=timeout_s, patience_s=self._connection.patience_s)
        )
        return self.record

    async def result(self, timeout_s: float | None = None) -> Any:
        """Wait for its end and return its result.
        Raises JobFailed, JobCancelled, or WaitTimedOut."""
        record = self.record if self.record.has_result else await self.wait(timeout_s)
        return record.result()

    async def cancel(self) -> JobRecord:
        """Cancel it: at once while it waits; one that runs says ``cancel_requested`` until it
        stops. Conflict: it has ended."""
        return await self._update(requests.cancel_job(self.id))

    async def retry(self) -> JobRecord:
        """Queue it again after it failed or was cancelled. Raises Conflict otherwise."""
        return await self._update(requests.retry_job(self.id))

    async def delete(self) -> None:
        """Delete it, and all that it kept, once it has ended.
        Raises Conflict before, and for one of a batch."""
        await self._connection.delete(requests.delete_job(self.id))

    async def log(self) -> list[dict[str, Any]]:
        """Return its last log lines: at, level, message."""
        return [line async for line in self._connection.fetch_lines(requests.get_log(self.id))]

    async def files(self) -> tuple[JobFile, ...]:
        """Return the files that it kept so far."""
        record = await self.refresh()
        return record.files

    async def download(self, name: str, to: str | PathLike[str] = ".") -> Path:
        """Write one of its files to a path, or into a folder; return where.
        The file is there whole, or not at all."""
        target = Target(to, name=name)
        await self._connection.fetch_file(requests.get_file(self.id, name), target)
        return target.path

    def events(self, *, last_event_id: str = "") -> AsyncIterator[Event]:
        """Yield its events until it has ended, first how it stands.
        Raises Unavailable when there is no place for a stream."""
        patience_s = self._connection.patience_s
        path = f"/jobs/{self.id}/events"
        return self._connection.follow(
            EventFollower(path, last_event_id=last_event_id, patience_s=patience_s)
        )

    async def watch(self) -> AsyncIterator[JobRecord]:
        """Yield its record whenever it changed, and last when it has ended.
        By a stream, by polling when there is none."""
        try:
            async for event in self._connection.follow(
                EventFollower(f"/jobs/{self.id}/events", last_event_id="", patience_s=0)
            ):
                if event.kind == "report" and "progress" in event.data:
                    self.record = replace(self.record, progress=event.data["progress"])
                elif not self.record.has_ended:
                    await self.refresh()
                yield self.record
        except (Unavailable, NotFound):
            await self.refresh()
        while not self.record.has_ended:
            try:
                await self.wait(timeout_s=1)
            except WaitTimedOut:
                await self.refresh()
            yield self.record

    async def _update(self, request: "ApiRequest") -> JobRecord:
        self.record = await self._connection.call(request, JobRecord.from_json)
        return self.record


class AsyncBatch(BaseBatch):
    """Many jobs of one task, submitted together."""

    _connection: "AsyncConnection"

    async def refresh(self) -> BatchRecord:
        """Read its record anew."""
        return await self._update(requests.get_batch(self.id))

    def results(
        self, *, order: requests.Order = "completion", timeout_s: float | None = None
    ) -> AsyncIterator[JobResult]:
        """Yield how each of its jobs ended, as they end or in the order of submission.
        Raises WaitTimedOut."""
        return self._connection.follow(
            ResultsFollower(
                self.id,
                total=self.record.total,
                order=order,
                timeout_s=timeout_s,
                patience_s=self._connection.patience_s,
            )
        )

    async def cancel(self) -> BatchRecord:
        """Cancel all of its jobs that have not ended."""
        return await self._update(requests.cancel_batch(self.id))

    async def delete(self) -> None:
        """Delete it with its jobs and all that these kept, once all have ended.
        Raises Conflict before."""
        await self._connection.delete(requests.delete_batch(self.id))

    def events(self, *, last_event_id: str = "") -> AsyncIterator[Event]:
        """Yield its events until all of its jobs have ended."""
        patience_s = self._connection.patience_s
        path = f"/batches/{self.id}/events"
        return self._connection.follow(
            EventFollower(path, last_event_id=last_event_id, patience_s=patience_s)
        )

    async def _update(self, request: "ApiRequest") -> BatchRecord:
        self.record = await self._connection.call(request, BatchRecord.from_json)
        return self.record
