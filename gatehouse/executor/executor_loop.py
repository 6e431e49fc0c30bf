"""The event loop of an executor's thread:
send calls, follow their jobs, cancel those whose results aren't wanted."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from gatehouse.errors import GatehouseError, Unavailable
from gatehouse.executor.outbox import Outbox
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.result_collector import ResultCollector
from gatehouse.executor.sender import GATHER_S, Sender, fail_all
from gatehouse.executor.sleep_watch import SleepWatch
from gatehouse.protocol.requests import withdraw
from gatehouse.transport.async_connection import AsyncServiceConnection

LOOK_EVERY_S = 0.1


class ExecutorLoop:
    """Runs until it was told to close and every future is done.
    All methods are for its own loop."""

    def __init__(
        self,
        connection: AsyncServiceConnection,
        outbox: Outbox,
        *,
        exit_wait_s: float,
        sleep_watch: SleepWatch,
        on_main_end: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._exit_wait_s = exit_wait_s
        self._sleep_watch = sleep_watch
        self._on_main_end = on_main_end
        some_ended = asyncio.Event()
        self._collector = ResultCollector(connection, some_ended=some_ended)
        self._sender = Sender(connection, outbox, on_accepted=self._follow, some_ended=some_ended)
        self._woken = asyncio.Event()
        self._is_closing = False
        self._cancelling: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look into the outbox."""
        self._woken.set()

    def close(self) -> None:
        """Return from ``run`` when all is done."""
        self._is_closing = True
        self._woken.set()

    async def run(self) -> None:
        """Run until all is done. Every future is done at the end, whatever happens."""
        work = asyncio.create_task(self._send())
        tasks = {
            work,
            *map(
                asyncio.create_task,
                (self._collector.collect(), self._collector.listen(), self._watch()),
            ),
        }
        why = "The interpreter ended before the job did; it goes on."
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Exception as error:
            why = f"The executor stopped working: {error!r}"
            raise
        finally:
            for task in tasks | self._cancelling:
                task.cancel()
            await asyncio.gather(*tasks, *self._cancelling, return_exceptions=True)
            fail_all([*self._outbox.empty(), *self._unfinished()], Unavailable(why))

    def abandon(self, futures: Iterable[RemoteFuture]) -> None:
        """Cancel those of these jobs that have not begun;
        of calls that are being sent, as soon as they are accepted."""
        by_batch: defaultdict[str, list[int]] = defaultdict(list)
        for future in futures:
            future.is_abandoned = True
            if self._outbox.withdraw(future):  # it was refused meanwhile and waits again
                future.set_cancelled()
            elif future.place is not None and not future.done():
                by_batch[future.place.batch].append(future.place.position)
        for batch_id, positions in by_batch.items():
            task = asyncio.create_task(self._withdraw(batch_id, positions))
            self._cancelling.add(task)
            task.add_done_callback(self._cancelling.discard)

    def abandon_all(self) -> None:
        """Abandon everything that was sent."""
        self.abandon(self._unfinished())

    def _unfinished(self) -> list[RemoteFuture]:
        return [*self._sender.under_way, *self._collector.unfinished()]

    async def _send(self) -> None:
        while not self._is_closing or self._outbox:
            await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(GATHER_S)
            await self._sender.send_all()
        await self._collector.all_ended.wait()

    async def _watch(self) -> None:
        """Reconnect after each sleep of the machine. Return some time after the main thread has
        ended: Python waits for this thread then, and must not do so for ever.
        """
        while threading.main_thread().is_alive():
            await asyncio.sleep(LOOK_EVERY_S)
            if self._sleep_watch.was_asleep():
                await self._connection.reconnect()
                self._collector.look_at_all()
        self._on_main_end()  # other threads may go on: what they submit is refused from now on
        self.close()
        await asyncio.sleep(self._exit_wait_s)

    def _follow(self, batch_id: str, futures: list[RemoteFuture]) -> None:
        self._collector.add(batch_id, futures)
        abandoned = [future for future in futures if future.is_abandoned]
        if abandoned:
            self.abandon(abandoned)

    async def _withdraw(self, batch_id: str, positions: list[int]) -> None:
        with contextlib.suppress(GatehouseError):  # then they run, as they would have without
            await self._connection.call(withdraw(batch_id, positions), _no_answer)


def _no_answer(_: Any) -> None:
    """Each future learns from the results of its batch what became of it."""
