"""The way to one service with one key: runs flows and followers over httpx.

Made from gatehouse/transport/async_connection.py by script/sync_client.py: change that one."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx
from httpx_sse import EventSource

from gatehouse.config import ServiceAccess
from gatehouse.errors import InvalidRequest, TooManyRequests, Unavailable
from gatehouse.protocol import flows
from gatehouse.protocol.events import MEDIA_TYPE as EVENT_STREAM
from gatehouse.protocol.flows import Delay, Flow, Step
from gatehouse.protocol.followers import NoAnswer, ResponseFollower
from gatehouse.protocol.wire import ApiRequest, ApiResponse
from gatehouse.transport.downloads import Target
from gatehouse.transport.httpx_adapter import (
    FAILURES,
    as_response,
    bounded,
    built,
    failure_of,
    http_options,
    json_line,
    require_kind,
)

T = TypeVar("T")


class ServiceConnection:
    """The connections to one service, with one key. Thread-safe.
    Close it, or use it in a ``with``.

    ``timeout_s`` bounds each silence of the service; ``patience_s`` how long a request is sent
    again, and can be changed.
    """

    def __init__(self, access: ServiceAccess, *, timeout_s: float, patience_s: float) -> None:
        self.access = access
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._http = self._new_http()

    def call(self, request: ApiRequest, read: Callable[[Any], T]) -> T:
        """Send a request, again if need be, and return what ``read`` makes of the answer's JSON.
        Raises the error that the answer means."""
        return self.run(flows.call(request, read, patience_s=self.patience_s))

    def delete(self, request: ApiRequest) -> None:
        """Send a request to delete something, again if need be."""
        self.run(flows.delete(request, patience_s=self.patience_s))

    def run(self, flow: Flow[T], *, opened: list[httpx.Response] | None = None) -> T:
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

    def follow(self, follower: ResponseFollower[Any, T]) -> Iterator[T]:
        """Yield what a follower of gatehouse.protocol.followers finds."""
        while not follower.is_done:
            broken: NoAnswer | None = None
            try:
                request = follower.request()
                with self._opened(request, patience_s=0) as response:
                    for piece in _pieces(response, request.accept):
                        item = follower.take(piece)
                        if item is not None:
                            yield item
            except FAILURES as error:
                failure = failure_of(error, self.access.address)
                if not isinstance(failure, Unavailable):
                    raise failure from error
                broken = failure
            except (Unavailable, TooManyRequests) as error:
                broken = error
            except InvalidRequest as error:
                follower.refused(error)
            time.sleep(follower.over(broken).seconds)

    def fetch_lines(
        self, request: ApiRequest, *, patience_s: float | None = None
    ) -> Generator[Any, None, None]:
        """Yield the JSON of each line of an answer.
        ``patience_s``: another than the connection's own."""
        patience_s = self.patience_s if patience_s is None else patience_s
        with self._opened(request, patience_s) as response:
            try:
                for line in response.iter_lines():
                    yield json_line(line)
            except FAILURES as error:
                raise failure_of(error, self.access.address) from error

    def fetch_file(self, request: ApiRequest, target: Target) -> None:
        """Write an answer's body to ``target``, whole or not at all."""
        with self._opened(request, self.patience_s) as response:
            try:
                with target.open() as opened:
                    for chunk in response.iter_bytes():
                        opened.write(chunk)
            except FAILURES as error:
                raise failure_of(error, self.access.address) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def reconnect(self) -> None:
        """Drop every connection and make new ones:
        what is under way breaks, and is tried again as after any lost connection.

        For after the sleep of the machine, when old connections may be dead without a word.
        Call it while no other thread uses the connection.
        """
        old, self._http = self._http, self._new_http()
        old.close()

    def _new_http(self) -> httpx.Client:
        return httpx.Client(**http_options(self.access, timeout_s=self.timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, step: Step, opened: list[httpx.Response] | None) -> ApiResponse | None:
        if isinstance(step, Delay):
            time.sleep(step.seconds)
            return None
        try:
            response = self._http.send(
                built(self._http, step, timeout_s=self.timeout_s), stream=True
            )
            if opened is not None and response.is_success:
                opened.append(response)
                return as_response(response)
            return as_response(response, _read(response))
        except FAILURES as error:
            raise failure_of(error, self.access.address) from error

    @contextmanager
    def _opened(self, request: ApiRequest, patience_s: float) -> Iterator[httpx.Response]:
        opened: list[httpx.Response] = []
        try:
            self.run(flows.ask(request, patience_s=patience_s), opened=opened)
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
    except httpx.DecodingError:
        if response.is_success:
            raise
        return b""  # what its status says is true without the words
    finally:
        response.close()
    return b"".join(pieces)


def _pieces(response: httpx.Response, wanted: str) -> Iterator[Any]:
    require_kind(response, wanted)
    return EventSource(response).iter_sse() if wanted == EVENT_STREAM else response.iter_lines()
