"""From calls to batches: calls that come close together are sent in one request,
and none is lost when it is refused."""

import asyncio
import copy
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from gatehouse.errors import GatehouseError, InvalidRequest, NotFound, Problem, TooManyRequests
from gatehouse.executor.outbox import Outbox, RequestLimits
from gatehouse.executor.remote_future import BatchPosition, RemoteFuture
from gatehouse.protocol.flows import call
from gatehouse.protocol.records import BatchRecord, TaskInfo
from gatehouse.protocol.requests import get_tasks, submit_texts
from gatehouse.transport.async_connection import AsyncServiceConnection

ErrorT = TypeVar("ErrorT", bound=GatehouseError)

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
        self.under_way: list[RemoteFuture] = []
        self._parameters: dict[str, tuple[str, ...]] = {}

    async def send_all(self) -> None:
        """Return when the outbox is empty: everything is accepted, or has its error."""
        while futures := self._outbox.take(self._limits):
            self.under_way = futures
            try:
                await self._send(futures)
                self._limits.calls = min(self._limits.calls * 2, self._most_calls)
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
        parameters = (
            await self._parameters_of(task)
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
            patience_s=self._connection.patience_s,
            waits_for_room=False,
        )
        record = await self._connection.run(flow)
        for position, future in enumerate(sent):
            future.place = BatchPosition(record.id, position)
        self._on_accepted(record.id, sent)

    async def _parameters_of(self, task: str) -> tuple[str, ...]:
        if task not in self._parameters:
            tasks = await self._connection.call(get_tasks(), TaskInfo.list_from_json)
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
