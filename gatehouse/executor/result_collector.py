"""The outcomes of accepted calls: one stream says which batches have news,
results are fetched many at once.

The stream is only a hint: every batch is looked at once after it was accepted, after the stream
began, and each ``SAFETY_S``. When the service can't open a stream,
one batch alone is long-polled, and several are polled.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from typing import Any

from gatehouse.errors import (
    BadAnswer,
    GatehouseError,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
)
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.sender import fail_all
from gatehouse.executor.service_patience import ServicePatience
from gatehouse.protocol.followers import EventFollower
from gatehouse.protocol.requests import get_results
from gatehouse.transport.async_connection import AsyncServiceConnection

# The pause between two looks doubles from the first to the second:
# a short job is seen at once, many come in one answer.
SHORT_BREATH_S, LONG_BREATH_S = 0.002, 0.02
SAFETY_S = 10.0
# Without a stream. Not longer: a server that keeps a thread for it notices only at the end that the
# client is gone.
LONG_POLL_S = 1.0
POLL_EVERY_S = 0.3
STREAM_AGAIN_S = 15.0
# How long a stream is kept open while no call is on its way.
IDLE_S = 5.0
_EVERYTHING = frozenset({"ready", "reset"})


class TrackedBatch:
    """One batch on its way, and the futures of its jobs in the order of submission."""

    def __init__(
        self, batch_id: str, futures: list[RemoteFuture], *, patience_s: float = 0.0
    ) -> None:
        self.id = batch_id
        # without those that have their outcome: it is not kept here, it may be large
        self.open = dict(enumerate(futures))
        self.total = len(futures)
        self.seen = 0
        # of this batch alone: its answers may break off while others come
        self.patience = ServicePatience(patience_s)
        self.failed_at = 0.0

    @property
    def is_done(self) -> bool:
        """Tell whether every outcome is known."""
        return not self.open

    def take(self, line: Mapping[str, Any]) -> None:
        """Give one result to its future. Raises BadAnswer for a malformed one."""
        self.seen += 1
        self.patience.answered()
        try:
            future = self.open.pop(line["position"], None)
            if future is not None:
                future.settle(line)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadAnswer("A line of the batch's results isn't a result.", status=200) from error
        if self.open and self.seen >= self.total:  # no more would come, for ever
            raise BadAnswer("Two of the batch's results are of one job.", status=200)


class ResultCollector:
    """Follows all batches of one executor. Of one event loop."""

    def __init__(self, connection: AsyncServiceConnection, *, some_ended: asyncio.Event) -> None:
        self._connection = connection
        self._some_ended = some_ended
        self._patience = ServicePatience(connection.patience_s)
        self._open: dict[str, TrackedBatch] = {}
        self._to_look_at: set[str] = set()
        self._changed = asyncio.Event()
        self._has_open = asyncio.Event()
        self._has_stream = True  # or is about to: until it is refused
        self._breath_s = SHORT_BREATH_S
        self._long_poll_s = LONG_POLL_S
        self.all_ended = asyncio.Event()
        self.all_ended.set()

    def unfinished(self) -> list[RemoteFuture]:
        """Return the futures whose outcome is not known."""
        return [
            future
            for batch in self._open.values()
            for future in batch.open.values()
            if not future.done()
        ]

    def add(self, batch_id: str, futures: list[RemoteFuture]) -> None:
        """Follow one more batch."""
        self._patience.answered()
        patience_s = self._patience.patience_s
        self._open[batch_id] = TrackedBatch(batch_id, futures, patience_s=patience_s)
        self._has_open.set()
        self._breath_s = SHORT_BREATH_S
        self._long_poll_s = LONG_POLL_S
        self.all_ended.clear()
        self._look_at(batch_id)

    def look_at_all(self) -> None:
        """Look at every batch at once, after a sleep:
        what was away before it is waited for anew."""
        self._patience.answered()
        self._look_at(*self._open)

    async def collect(self) -> None:
        """Fetch results, for ever."""
        while True:
            await self._has_open.wait()
            if self._has_stream:
                await self._wait_for_change()
                self._changed.clear()
                turn, self._to_look_at = self._to_look_at, set()
                await self._look_at_each(turn, wait_s=0)
                await self._breathe()
            else:
                self._changed.clear()
                if len(self._open) == 1 and self._long_poll_s:
                    await self._until_changed(self._poll_long())
                else:
                    await self._look_at_each(set(self._open), wait_s=0)
                    await asyncio.sleep(POLL_EVERY_S)

    async def _poll_long(self) -> None:
        """Long-poll for results, or pause where the service has no thread left for a long-poll:
        it answers at once then."""
        began = time.monotonic()
        await self._look_at_each(set(self._open), wait_s=self._long_poll_s)
        if self._open and time.monotonic() - began < self._long_poll_s / 2:
            await asyncio.sleep(POLL_EVERY_S)

    async def _until_changed(self, look: Coroutine[Any, Any, None]) -> None:
        """Look until that is over, another batch comes, or the stream."""
        tasks = {asyncio.create_task(look), asyncio.create_task(self._changed.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _breathe(self) -> None:
        await asyncio.sleep(self._breath_s)
        self._breath_s = min(self._breath_s * 2, LONG_BREATH_S)

    async def listen(self) -> None:
        """Keep a stream while anything is on its way, for ever."""
        while True:
            await self._has_open.wait()
            stream, idle = asyncio.create_task(self._stream()), asyncio.create_task(self._idle())
            try:
                await asyncio.wait((stream, idle), return_when=asyncio.FIRST_COMPLETED)
                was_idle = idle.done()
            finally:
                stream.cancel()
                idle.cancel()
                await asyncio.gather(stream, idle, return_exceptions=True)
            if not was_idle:
                self._has_stream = False
                self._changed.set()
                await asyncio.sleep(STREAM_AGAIN_S)

    async def _idle(self) -> None:
        """Return when nothing was on its way for a while."""
        while True:
            await self.all_ended.wait()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._has_open.wait()
            except TimeoutError:
                return

    async def _stream(self) -> None:
        """Note which batches have news. Raises GatehouseError: no stream left, no such endpoint,
        not logged in; collect finds out which."""
        async for event in self._connection.follow(
            EventFollower("/events", last_event_id="", patience_s=0)
        ):
            self._has_stream = True
            self._patience.answered()
            if event.kind in _EVERYTHING:
                self._look_at(*self._open)
            batch_id = event.data.get("batch")
            if batch_id in self._open:
                self._look_at(batch_id)

    def _look_at(self, *batch_ids: str) -> None:
        self._to_look_at.update(batch_ids)
        self._changed.set()

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(SAFETY_S):
                await self._changed.wait()
        except TimeoutError:
            self._to_look_at.update(self._open)

    async def _look_at_each(self, batch_ids: set[str], *, wait_s: float) -> None:
        """Look at these, the oldest first. One without an answer ends the turn: while the service
        is away each would have none. It comes last in the next turn, behind those that may have."""
        batches = [self._open[batch_id] for batch_id in batch_ids if batch_id in self._open]
        for batch in sorted(batches, key=lambda each: (each.failed_at, each.id)):
            try:
                await self._look(batch, wait_s=wait_s)
            except (Unavailable, TooManyRequests) as error:
                await self._wait_for_service(batch, error)
                return

    async def _look(self, batch: TrackedBatch, *, wait_s: float) -> None:
        """Take the results that are there. Raises Unavailable or TooManyRequests at once."""
        request = get_results(batch.id, order="completion", after=batch.seen, wait_s=wait_s)
        try:
            async with aclosing(self._connection.fetch_lines(request, patience_s=0)) as lines:
                async for line in lines:
                    batch.take(line)
                    self._some_ended.set()
                    self._patience.answered()
            self._patience.answered()
            batch.patience.answered()
        except InvalidRequest as error:
            if not wait_s:
                self._give_up(batch, error)
            self._long_poll_s = 0.0  # this service does not wait for us
        except (Unavailable, TooManyRequests):
            if not batch.is_done:
                raise
        except GatehouseError as error:
            self._give_up(batch, error)
        if batch.is_done:
            self._forget(batch)

    async def _wait_for_service(
        self, batch: TrackedBatch, error: Unavailable | TooManyRequests
    ) -> None:
        """Pause, then look at every batch; give up what was waited for long enough: this batch,
        or, when none had an answer meanwhile, all."""
        batch.failed_at = time.monotonic()
        try:
            pause_s = self._patience.pause_after(error)
        except GatehouseError:
            for each in list(self._open.values()):
                self._give_up(each, error)
            return
        try:
            pause_s = max(pause_s, batch.patience.pause_after(error))
        except GatehouseError:
            self._give_up(batch, error)
        await asyncio.sleep(pause_s)
        self._look_at(*self._open)

    def _give_up(self, batch: TrackedBatch, error: GatehouseError) -> None:
        fail_all(list(batch.open.values()), error)
        self._forget(batch)

    def _forget(self, batch: TrackedBatch) -> None:
        self._open.pop(batch.id, None)
        if not self._open:
            self._has_open.clear()
            self.all_ended.set()
