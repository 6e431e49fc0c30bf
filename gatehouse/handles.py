"""A job, a shared one, and a batch: each holds what was read last; methods ask the service.

Made from gatehouse/async_handles.py by script/sync_client.py: change that one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.base_handles import BaseBatch, BaseJob, BaseSharedJob
from gatehouse.errors import NotFound, Unavailable, WaitTimedOut
from gatehouse.protocol import requests
from gatehouse.protocol.events import Event
from gatehouse.protocol.flows import wait, wait_shared
from gatehouse.protocol.followers import EventFollower, ResultsFollower
from gatehouse.protocol.records import (
    BatchRecord,
    JobFile,
    JobRecord,
    JobResult,
    NewShare,
    SharedRecord,
    ShareRecord,
)
from gatehouse.transport.downloads import Target

if TYPE_CHECKING:
    from gatehouse.protocol.wire import ApiRequest
    from gatehouse.transport.connection import ServiceConnection


class Job(BaseJob):
    """One launch of a task, with the record that was fetched last."""

    _connection: "ServiceConnection"

    def refresh(self) -> JobRecord:
        """Fetch the job's record again."""
        return self._update(requests.get_job(self.id))

    def wait(self, timeout_s: float | None = None) -> JobRecord:
        """Return the job's record when it has ended. Raises WaitTimedOut after ``timeout_s``;
        the job goes on then."""
        self.record = self._connection.run(
            wait(self.id, timeout_s=timeout_s, patience_s=self._connection.patience_s)
        )
        return self.record

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the job's end and return its result.
        Raises JobFailed, JobCancelled, or WaitTimedOut."""
        record = self.record if self.record.has_result else self.wait(timeout_s)
        return record.result()

    def cancel(self) -> JobRecord:
        """Cancel the job: at once while it is queued; a running one has ``cancel_requested`` until
        it stops. Raises Conflict when it has ended."""
        return self._update(requests.cancel_job(self.id))

    def retry(self) -> JobRecord:
        """Queue the job again after it failed or was cancelled. Raises Conflict otherwise."""
        return self._update(requests.retry_job(self.id))

    def delete(self) -> None:
        """Delete the job and all that it kept, once it has ended.
        Raises Conflict before, and for a job of a batch."""
        self._connection.delete(requests.delete_job(self.id))

    def log(self) -> list[dict[str, Any]]:
        """Return the job's last log lines: at, level, message."""
        return list(self._connection.fetch_lines(requests.get_log(self.id)))

    def files(self) -> tuple[JobFile, ...]:
        """Return the files that the job has kept so far."""
        record = self.refresh()
        return record.files

    def download(self, name: str, to: str | PathLike[str] = ".") -> Path:
        """Write one of the job's files to a path, or into a folder; return where.
        The file is there whole, or not at all."""
        target = Target(to, name=name)
        self._connection.fetch_file(requests.get_file(self.id, name), target)
        return target.path

    def events(self, *, last_event_id: str = "") -> Iterator[Event]:
        """Yield the job's events until it has ended, first its present state.
        Raises Unavailable when the service can't open another stream."""
        patience_s = self._connection.patience_s
        path = f"/jobs/{self.id}/events"
        return self._connection.follow(
            EventFollower(path, last_event_id=last_event_id, patience_s=patience_s)
        )

    def watch(self) -> Iterator[JobRecord]:
        """Yield the job's record whenever it has changed, and last when it has ended.
        Follows a stream, and polls where the service can't open one."""
        told: JobRecord | None = None
        try:
            for event in self._connection.follow(
                EventFollower(f"/jobs/{self.id}/events", last_event_id="", patience_s=0)
            ):
                if event.kind == "report" and "progress" in event.data:
                    self.record = replace(self.record, progress=event.data["progress"])
                elif not self.record.has_ended:
                    self.refresh()
                if self.record != told:
                    told = self.record
                    yield told
        except (Unavailable, NotFound):
            self.refresh()
        while self.record != told or not self.record.has_ended:
            if self.record != told:
                told = self.record
                yield told
                continue
            try:
                self.wait(timeout_s=1)
            except WaitTimedOut:
                self.refresh()

    def share(
        self,
        *,
        people: Sequence[str] | None = None,
        group: str | None = None,
        shows: Sequence[requests.Showable] = (),
        expires_in_s: int | None = None,
    ) -> NewShare:
        """Share the job, at an address that only this answer names: with the people of these
        usernames, with a group, or with neither given all who are logged in and have the address.
        ``expires_in_s``: 60 seconds to 30 days; None is 7 days. Raises InvalidRequest, or
        TooManyRequests for one share too many."""
        request = requests.share_job(
            self.id, people=people, group=group, shows=shows, expires_in_s=expires_in_s
        )
        service = self._connection.access.address
        return self._connection.call(request, lambda raw: NewShare.at(service, raw))

    def shares(self) -> list[ShareRecord]:
        """Return the job's shares, the latest first, without their addresses."""
        return self._connection.call(requests.list_shares(self.id), ShareRecord.list_from_json)

    def onlookers(self) -> list[str]:
        """Return who looks on just now, of those with whom the job is shared: at most fifty."""
        return self._connection.call(
            requests.get_onlookers(self.id), lambda raw: list(raw["people"])
        )

    def _update(self, request: "ApiRequest") -> JobRecord:
        self.record = self._connection.call(request, JobRecord.from_json)
        return self.record


class SharedJob(BaseSharedJob):
    """A job that somebody shares, with what was shown of it last. Nothing changes it.
    Every method raises NotFound once it is not shared any more."""

    _connection: "ServiceConnection"

    def refresh(self) -> SharedRecord:
        """Fetch again what is shown of the job."""
        self.record = self._connection.call(
            requests.get_shared(self._token), SharedRecord.from_json
        )
        return self.record

    def wait(self, timeout_s: float | None = None) -> SharedRecord:
        """Return what is shown of the job when it has ended. Asks every two seconds at least.
        Raises WaitTimedOut after ``timeout_s``."""
        self.record = self._connection.run(
            wait_shared(self._token, timeout_s=timeout_s, patience_s=self._connection.patience_s)
        )
        return self.record

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the job's end and return its result.
        Raises JobFailed, JobCancelled, or WaitTimedOut."""
        record = self.record if self.record.has_ended else self.wait(timeout_s)
        return record.result()

    def log(self) -> list[dict[str, Any]]:
        """Return the job's last log lines: at, level, message."""
        request = requests.get_shared_log(self._token)
        return list(self._connection.fetch_lines(request))

    def download(self, name: str, to: str | PathLike[str] = ".") -> Path:
        """Write one of the job's files to a path, or into a folder; return where.
        The file is there whole, or not at all. Raises NotFound where files are not shown."""
        target = Target(to, name=name)
        self._connection.fetch_file(requests.get_shared_file(self._token, name), target)
        return target.path

    def events(self) -> Iterator[Event]:
        """Yield the job's events until it has ended, first its present state.
        Raises Unavailable when the service can't open another stream."""
        path = f"{requests.shared_path(self._token)}/events"
        patience_s = self._connection.patience_s
        return self._connection.follow(EventFollower(path, last_event_id="", patience_s=patience_s))


class Batch(BaseBatch):
    """Many jobs of one task, submitted together."""

    _connection: "ServiceConnection"

    def refresh(self) -> BatchRecord:
        """Fetch the batch's record again."""
        return self._update(requests.get_batch(self.id))

    def results(
        self, *, order: requests.Order = "completion", timeout_s: float | None = None
    ) -> Iterator[JobResult]:
        """Yield how each of the batch's jobs ended, as they end or in the order of submission.
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

    def cancel(self) -> BatchRecord:
        """Cancel all jobs of the batch that have not ended."""
        return self._update(requests.cancel_batch(self.id))

    def delete(self) -> None:
        """Delete the batch with its jobs and all that these kept, once all have ended.
        Raises Conflict before."""
        self._connection.delete(requests.delete_batch(self.id))

    def events(self, *, last_event_id: str = "") -> Iterator[Event]:
        """Yield the batch's events until all of its jobs have ended."""
        patience_s = self._connection.patience_s
        path = f"/batches/{self.id}/events"
        return self._connection.follow(
            EventFollower(path, last_event_id=last_event_id, patience_s=patience_s)
        )

    def _update(self, request: "ApiRequest") -> BatchRecord:
        self.record = self._connection.call(request, BatchRecord.from_json)
        return self.record
