"""From calls to batches: calls that come close together are sent in one request,
and none is lost when it is refused."""

import asyncio
import copy
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from gatehouse.errors import (
    ApiError,
    GatehouseError,
    InvalidRequest,
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
)
from gatehouse.executor.outbox import Outbox, RequestLimits
from gatehouse.executor.remote_future import BatchPosition, RemoteFuture
from gatehouse.executor.service_patience import ServicePatience
from gatehouse.protocol.flows import Flow, call
from gatehouse.protocol.records import BatchRecord, TaskInfo
from gatehouse.protocol.requests import get_tasks, submit_texts
from gatehouse.transport.async_connection import AsyncServiceConnection

T = TypeVar("T")

# Calls that come one after the other within this time travel together.
GATHER_S = 0.003
# When some have ended there is room for few; a moment later there is for more.
ROOM_GROWS_S = 0.05
_OF_ONE_SET = re.compile(r"/arguments/(\d+)(/.*|$)")

Accepted = Callable[[str, list[RemoteFuture]], None]


class Sender:
    """Sends what is in the outbox, one request at a time:
    while one is under way, calls gather for the next."""

    def __init__(
        self,
        connection: AsyncServiceConnection,
        outbox: Outbox,
        *,
        on_accepted: Accepted,
        some_ended: asyncio.Event,
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._on_accepted = on_accepted
        self._some_ended = some_ended
        self._limits = RequestLimits()
        self._most_calls = self._limits.calls
        self._patience = ServicePatience(connection.patience_s)
        self.under_way: list[RemoteFuture] = []
        self._parameters: dict[str, tuple[str, ...]] = {}

    async def send_all(self) -> None:
        """Return when the outbox is empty: everything is accepted, or has its error."""
        while futures := self._outbox.take(self._limits):
            self.under_way = futures
            try:
                await self._send(futures)
                self._limits.calls = min(self._limits.calls * 2, self._most_calls)
            except Unavailable as error:
                fail_all([*futures, *self._outbox.take_back(self._has_waited)], error)
            except TooManyRequests as error:
                await self._wait_for_room(futures, error)
            except InvalidRequest as error:
                self._sort_out(futures, error)
            except (GatehouseError, OSError) as error:
                fail_all(futures, error)
            # not in a finally: what is under way when the executor breaks has to fail
            self.under_way = []

    async def _send(self, futures: list[RemoteFuture]) -> None:
        task = futures[0].call.task
        left_s = self._patience.left_s(waits_since=futures[-1].made_at)
        parameters = (
            await self._parameters_of(task, patience_s=left_s)
            if any(future.call.positional for future in futures)
            else ()
        )
        sent, texts = [], []
        for future in futures:
            try:
                texts.append(future.call.arguments(parameters))
                sent.append(future)
            except TypeError as error:
                future.fail(error)
        if not sent:
            return
        futures[:] = sent
        flow = call(
            submit_texts(task, texts),
            BatchRecord.from_json,
            patience_s=left_s,
            waits_for_room=False,
        )
        record = await self._ask(flow)
        for position, future in enumerate(sent):
            future.place = BatchPosition(record.id, position)
        self._on_accepted(record.id, sent)

    def _has_waited(self, future: RemoteFuture) -> bool:
        """Tell whether a call waited for the service for as long as it may. To find that out by a
        request of its own would take as long again, for each request."""
        return not self._patience.left_s(waits_since=future.made_at)

    async def _ask(self, flow: Flow[T]) -> T:
        """Run a flow, and note whether the service is there."""
        asked_at = time.monotonic()
        try:
            answer = await self._connection.run(flow)
        except Unavailable:
            self._patience.unanswered(asked_at=asked_at)
            raise
        except ApiError:
            self._patience.answered()
            raise
        self._patience.answered()
        return answer

    async def _parameters_of(self, task: str, *, patience_s: float) -> tuple[str, ...]:
        if task not in self._parameters:
            flow = call(get_tasks(), TaskInfo.list_from_json, patience_s=patience_s)
            tasks = await self._ask(flow)
            self._parameters = {each.name: each.parameters for each in tasks}
        if task not in self._parameters:
            message = f"There is no task {task}; there are: {', '.join(sorted(self._parameters))}."
            raise NotFound(message, status=404, code="unknown_task")
        return self._parameters[task]

    async def _wait_for_room(self, futures: list[RemoteFuture], error: TooManyRequests) -> None:
        """Send fewer if some fit, else wait until some of ours have ended,
        or as long as the service says."""
        self._put_back(futures)
        if error.room:
            self._limits.calls = min(error.room, self._limits.calls)
            return
        if error.room is None:
            self._limits.calls = max(1, len(futures) // 2)
        self._some_ended.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(error.retry_after_s, GATHER_S)):
                await self._some_ended.wait()
                await asyncio.sleep(ROOM_GROWS_S)

    def _sort_out(self, futures: list[RemoteFuture], error: InvalidRequest) -> None:
        """Fail the calls that are wrong and send the others again:
        the service takes all or none."""
        wrong: dict[int, list[Problem]] = {}
        for problem in error.problems:
            found = _OF_ONE_SET.match(problem.where)
            if found and int(found[1]) < len(futures):
                wrong.setdefault(int(found[1]), []).append(
                    replace(problem, where=f"/arguments{found[2]}")
                )
        if wrong:
            for number, problems in wrong.items():
                message = f"The arguments of {futures[number].call.task} are wrong."
                futures[number].fail(
                    InvalidRequest(message, status=error.status, code=error.code, problems=problems)
                )
        elif len(futures) > 1:  # too many, or too large together
            self._limits.calls = self._most_calls = max(1, len(futures) // 2)
        else:
            fail_all(futures, error)
        self._put_back(futures)

    def _put_back(self, futures: Iterable[RemoteFuture]) -> None:
        for future in futures:
            if future.is_abandoned:
                future.set_cancelled()
        self._outbox.put_back(future for future in futures if not future.done())


def fail_all(futures: Sequence[RemoteFuture], error: Exception) -> None:
    """Fail each with a copy of its own: one that is raised in ten thousand places would grow with
    each."""
    for future in futures:
        future.fail(copy.copy(error))
