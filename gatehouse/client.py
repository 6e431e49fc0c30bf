"""The client: submit jobs, wait for them, read their results.

Made from gatehouse/async_client.py by script/sync_client.py: change that one."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self, TypeVar

import httpx
from httpx_sse import EventSource

from gatehouse.config import find_access
from gatehouse.errors import InvalidRequest, Unavailable
from gatehouse.following import EventFollower, Follower
from gatehouse.handles import Batch, Job
from gatehouse.protocol import requests
from gatehouse.protocol.downloads import Target
from gatehouse.protocol.events import MEDIA_TYPE as EVENT_STREAM
from gatehouse.protocol.events import Event
from gatehouse.protocol.flows import Flow, Pause, Step, ask, call, delete
from gatehouse.protocol.names import AnyTask, arguments_of, name_of
from gatehouse.protocol.records import BatchRecord, JobRecord, Me, TaskInfo, UploadedFile, Usage
from gatehouse.protocol.uploads import Source, upload
from gatehouse.protocol.wire import Answer, Request
from gatehouse.transport import answer, bounded, built, http_options, json_line, unavailable

T = TypeVar("T")


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
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._http = self._new_http()

    def __repr__(self) -> str:
        return f"<Client of {self.access.address}>"

    @property
    def address(self) -> str:
        """The service's address."""
        return self.access.address

    def me(self) -> Me:
        """Return who the key acts as."""
        return self.do(call(requests.get_me(), Me.from_json, patience_s=self.patience_s))

    def usage(self) -> Usage:
        """Return how much the person keeps, and how much they may."""
        return self.do(call(requests.get_usage(), Usage.from_json, patience_s=self.patience_s))

    def tasks(self) -> list[TaskInfo]:
        """Return the tasks that can be submitted."""
        return self.do(
            call(requests.get_tasks(), TaskInfo.list_from_json, patience_s=self.patience_s)
        )

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
        return Job(self, self.do(call(request, JobRecord.from_json, patience_s=self.patience_s)))

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
        return Batch(
            self, self.do(call(request, BatchRecord.from_json, patience_s=self.patience_s))
        )

    def job(self, job_id: str) -> Job:
        """Return a job. Raises NotFound or Expired."""
        return Job(
            self,
            self.do(
                call(requests.get_job(job_id), JobRecord.from_json, patience_s=self.patience_s)
            ),
        )

    def jobs(self, *, status: str | None = None, task: str | None = None) -> Iterator[Job]:
        """Yield the person's jobs, newest first; a page is asked for when it is needed."""
        cursor: str | None = None
        while True:
            request = requests.list_jobs(status=status, task=task, cursor=cursor)
            records, cursor = self.do(
                call(request, JobRecord.page_from_json, patience_s=self.patience_s)
            )
            for record in records:
                yield Job(self, record)
            if cursor is None:
                return

    def batch(self, batch_id: str) -> Batch:
        """Return a batch. Raises NotFound."""
        flow = call(requests.get_batch(batch_id), BatchRecord.from_json, patience_s=self.patience_s)
        return Batch(self, self.do(flow))

    def batches(self) -> Iterator[Batch]:
        """Yield the person's batches, newest first; a page is asked for when it is needed."""
        cursor: str | None = None
        while True:
            request = requests.list_batches(cursor=cursor)
            records, cursor = self.do(
                call(request, BatchRecord.page_from_json, patience_s=self.patience_s)
            )
            for record in records:
                yield Batch(self, record)
            if cursor is None:
                return

    def delete(self, job_id: str) -> None:
        """Delete an ended job, and all that it kept.
        Raises Conflict for an unfinished one, and for one of a batch."""
        self.do(delete(requests.delete_job(job_id), patience_s=self.patience_s))

    def delete_batch(self, batch_id: str) -> None:
        """Delete a batch whose jobs have all ended, and all that these kept.
        Raises Conflict for any other."""
        self.do(delete(requests.delete_batch(batch_id), patience_s=self.patience_s))

    def upload(self, source: Source, *, name: str | None = None) -> UploadedFile:
        """Send a file, by its path or as an open binary stream,
        for a task's parameter of type file."""
        return self.do(
            call(upload(source, name=name), UploadedFile.from_json, patience_s=self.patience_s)
        )

    def events(self, *, last_event_id: str = "") -> Iterator[Event]:
        """Yield what happens to the person's jobs, from now on or after the event with this id.
        Ends only by an error.

        Raises Unavailable when the service has no place for another stream:
        then wait for jobs one by one.
        """
        return self.follow(
            EventFollower("/events", last_event_id=last_event_id, patience_s=self.patience_s)
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def reconnect(self) -> None:
        """Drop every connection and make new ones:
        what is under way breaks, and is tried again as after any lost connection.

        For after the sleep of the machine, when old connections may be dead without a word.
        Call it while no other thread uses the client.
        """
        old, self._http = self._http, self._new_http()
        old.close()

    def _new_http(self) -> httpx.Client:
        return httpx.Client(**http_options(self.access, timeout_s=self.timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def do(self, flow: Flow[T], *, opened: list[httpx.Response] | None = None) -> T:
        """Run a flow of gatehouse.protocol.flows.
        With ``opened`` a successful answer is not read but left there, open."""
        try:
            step = next(flow)
            while True:
                try:
                    came = self._take(step, opened)
                except Unavailable as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def follow(self, follower: Follower[Any, T]) -> Iterator[T]:
        """Yield what a follower of gatehouse.following finds."""
        while not follower.is_done:
            broken = None
            try:
                with self._opened(follower.request(), follower.patience_s) as response:
                    for piece in _pieces(response):
                        item = follower.take(piece)
                        if item is not None:
                            yield item
            except httpx.TransportError as error:
                broken = unavailable(error, self.address)
            except InvalidRequest as error:
                follower.refused(error)
            time.sleep(follower.over(broken).seconds)

    def fetch_lines(self, request: Request) -> Generator[Any, None, None]:
        """Yield the JSON of each line of an answer."""
        with self._opened(request, self.patience_s) as response:
            try:
                for line in response.iter_lines():
                    yield json_line(line)
            except httpx.TransportError as error:
                raise unavailable(error, self.address) from error

    def fetch_file(self, request: Request, target: Target) -> None:
        """Write an answer's body to ``target``, whole or not at all."""
        with self._opened(request, self.patience_s) as response:
            try:
                with target.open() as opened:
                    for chunk in response.iter_bytes():
                        opened.write(chunk)
            except httpx.TransportError as error:
                raise unavailable(error, self.address) from error

    def _take(self, step: Step, opened: list[httpx.Response] | None) -> Answer | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            response = self._http.send(
                built(self._http, step, timeout_s=self.timeout_s), stream=True
            )
            if opened is not None and response.is_success:
                opened.append(response)
                return answer(response)
            return answer(response, _read(response))
        except httpx.TransportError as error:
            raise unavailable(error, self.address) from error

    @contextmanager
    def _opened(self, request: Request, patience_s: float) -> Iterator[httpx.Response]:
        opened: list[httpx.Response] = []
        try:
            self.do(ask(request, patience_s=patience_s), opened=opened)
            yield opened[0]
        finally:
            for response in opened:
                response.close()


def _read(response: httpx.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in response.iter_bytes():
            size = bounded(pieces, piece, size, status=response.status_code)
    finally:
        response.close()
    return b"".join(pieces)


def _pieces(response: httpx.Response) -> Iterator[Any]:
    if response.headers.get("content-type", "").startswith(EVENT_STREAM):
        return EventSource(response).iter_sse()
    return response.iter_lines()
