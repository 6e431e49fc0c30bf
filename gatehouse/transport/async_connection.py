"""The way to one service with one key, for asyncio: runs flows and followers over httpx.

script/sync_client.py makes gatehouse.transport.connection from this module."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
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


class AsyncServiceConnection:
    """The connections to one service, with one key. Of one event loop.
    Close it, or use it in an ``async with``.

    ``timeout_s`` bounds each silence of the service; ``patience_s`` how long a request is sent
    again, and can be changed.
    """

    def __init__(self, access: ServiceAccess, *, timeout_s: float, patience_s: float) -> None:
        self.access = access
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._http = self._new_http()

    async def call(self, request: ApiRequest, read: Callable[[Any], T]) -> T:
        """Send a request, again if need be, and return what ``read`` makes of the answer's JSON.
        Raises the error that the answer means."""
        return await self.run(flows.call(request, read, patience_s=self.patience_s))

    async def delete(self, request: ApiRequest) -> None:
        """Send a request to delete something, again if need be."""
        await self.run(flows.delete(request, patience_s=self.patience_s))

    async def run(self, flow: Flow[T], *, opened: list[httpx.Response] | None = None) -> T:
        """Run a flow of gatehouse.protocol.flows.
        With ``opened`` a successful answer is not read but left there, open."""
        try:
            step = next(flow)
            while True:
                try:
                    came = await self._take(step, opened)
                except Unavailable as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def follow(self, follower: ResponseFollower[Any, T]) -> AsyncIterator[T]:
        """Yield what a follower of gatehouse.protocol.followers finds."""
        while not follower.is_done:
            broken: NoAnswer | None = None
            try:
                request = follower.request()
                async with self._opened(request, patience_s=0) as response:
                    async for piece in _pieces(response, request.accept):
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
            await asyncio.sleep(follower.over(broken).seconds)

    async def fetch_lines(
        self, request: ApiRequest, *, patience_s: float | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield the JSON of each line of an answer.
        ``patience_s``: another than the connection's own."""
        patience_s = self.patience_s if patience_s is None else patience_s
        async with self._opened(request, patience_s) as response:
            try:
                async for line in response.aiter_lines():
                    yield json_line(line)
            except FAILURES as error:
                raise failure_of(error, self.access.address) from error

    async def fetch_file(self, request: ApiRequest, target: Target) -> None:
        """Write an answer's body to ``target``, whole or not at all."""
        async with self._opened(request, self.patience_s) as response:
            try:
                with target.open() as opened:
                    async for chunk in response.aiter_bytes():
                        opened.write(chunk)
            except FAILURES as error:
                raise failure_of(error, self.access.address) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def reconnect(self) -> None:
        """Drop every connection and make new ones:
        what is under way breaks, and is tried again as after any lost connection.

        For after the sleep of the machine, when old connections may be dead without a word.
        Call it while no other thread uses the connection.
        """
        old, self._http = self._http, self._new_http()
        await old.aclose()

    def _new_http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(**http_options(self.access, timeout_s=self.timeout_s))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _take(self, step: Step, opened: list[httpx.Response] | None) -> ApiResponse | None:
        if isinstance(step, Delay):
            await asyncio.sleep(step.seconds)
            return None
        try:
            response = await self._http.send(
                built(self._http, step, timeout_s=self.timeout_s), stream=True
            )
            if opened is not None and response.is_success:
                opened.append(response)
                return as_response(response)
            return as_response(response, await _read(response))
        except FAILURES as error:
            raise failure_of(error, self.access.address) from error

    @asynccontextmanager
    async def _opened(
        self, request: ApiRequest, patience_s: float
    ) -> AsyncIterator[httpx.Response]:
        opened: list[httpx.Response] = []
        try:
            await self.run(flows.ask(request, patience_s=patience_s), opened=opened)
            yield opened[0]
        finally:
            for response in opened:
                await response.aclose()


async def _read(response: httpx.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.aiter_bytes():
            size = bounded(pieces, piece, size, status=response.status_code)
    except httpx.DecodingError:
        if response.is_success:
            raise
        return b""  # what its status says is true without the words
    finally:
        await response.aclose()
    return b"".join(pieces)


def _pieces(response: httpx.Response, wanted: str) -> AsyncIterator[Any]:
    require_kind(response, wanted)
    return EventSource(response).aiter_sse() if wanted == EVENT_STREAM else response.aiter_lines()
