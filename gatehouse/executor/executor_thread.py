"""The one thread of an executor. It begins with the first call, and ends after a shutdown, after
the executor was forgotten, or after the main thread has ended:
once every future is done, in the last case after ``exit_wait_s`` at the latest.
"""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatehouse.errors import GatehouseError, Unavailable
from gatehouse.executor.executor_loop import ExecutorLoop
from gatehouse.executor.outbox import Outbox
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.sender import fail_all
from gatehouse.executor.sleep_watch import SleepWatch
from gatehouse.protocol.requests import withdraw
from gatehouse.transport.async_connection import AsyncServiceConnection
from gatehouse.transport.connection import ServiceConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long calls are tried again and the interpreter's exit waits, in seconds,
    and the watch that sees the machine sleep."""

    patience_s: float
    exit_wait_s: float
    sleep_watch: SleepWatch = field(default_factory=SleepWatch)


class ExecutorThread:
    """Owns the thread. Thread-safe. ``on_end`` is called when nothing is left to do,
    as the last thing."""

    def __init__(
        self, connection: ServiceConnection, times: Times, *, on_end: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._times = times
        self._on_end = on_end
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._loop = _Loop()
        self._outbox = Outbox(lambda: self._call_soon(ExecutorLoop.wake))
        self._running: ExecutorLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, futures: Sequence[RemoteFuture]) -> None:
        """Send these calls soon. Raises RuntimeError after ``close``, and where no thread can be
        started, as the standard library does."""
        # its thread is not in this process: nobody would send them
        if os.getpid() != self._process:
            raise RuntimeError("this executor was made before a fork: make one in each process")
        with self._lock:
            if self._is_closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._thread is None:
                # No daemon: what was submitted last is sent,
                # though the main thread ends right after it.
                thread = threading.Thread(target=self._run, name="gatehouse-executor")
                thread.start()  # where the system has none left, nothing was added
                self._thread = thread
            self._outbox.add(futures)

    def cancel(self, future: RemoteFuture) -> None:
        """Cancel one call if its job has not begun; returns when the service has answered."""
        if self._withdraw(future) or future.place is None:
            return
        place = future.place
        request = withdraw(place.batch, [place.position])
        try:
            cancelled = self._connection.call(request, _positions)
        except GatehouseError:
            return  # it can't be cancelled now: the future says so
        if place.position in cancelled:
            future.set_cancelled()
        else:
            future.set_running()

    def abandon(self, futures: Sequence[RemoteFuture]) -> None:
        """Cancel those of these that have not begun:
        at once what was not sent, the others as soon as the service is asked."""
        sent = [future for future in futures if not future.done() and not self._withdraw(future)]
        if sent:
            self._call_soon(lambda loop: loop.abandon(sent))

    def abandon_all(self) -> None:
        """Cancel all that has not begun."""
        for future in self._outbox.empty():
            future.set_cancelled()
        self._call_soon(ExecutorLoop.abandon_all)

    def close(self) -> None:
        """Take no more calls; end when all futures are done. Idempotent."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            if was_closed:
                return
        if self._thread is None:
            self._loop.close()
            self._on_end()
        else:
            self._call_soon(ExecutorLoop.close)

    def join(self) -> None:
        """Wait for the end of the thread; in a done callback, which it runs itself,
        return at once."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _withdraw(self, future: RemoteFuture) -> bool:
        """Cancel a call that was not sent yet; False when it was."""
        if not self._outbox.withdraw(future):
            return False
        future.set_cancelled()
        return True

    def _call_soon(self, action: Callable[[ExecutorLoop], object]) -> None:
        """Have the thread do something; nothing if it has ended,
        since all futures are done then."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(
                lambda: None if self._running is None else action(self._running)
            )

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self.close()  # whatever ended us: nobody would send what is added from now on
            fail_all(self._outbox.empty(), Unavailable("The executor has stopped working."))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._on_end()

    async def _main(self) -> None:
        times, ours = self._times, self._connection
        async with AsyncServiceConnection(
            ours.access, timeout_s=ours.timeout_s, patience_s=times.patience_s
        ) as connection:
            self._running = ExecutorLoop(
                connection,
                self._outbox,
                exit_wait_s=times.exit_wait_s,
                sleep_watch=times.sleep_watch,
                on_main_end=self.close,
            )
            self._running.wake()
            if self._is_closed:
                self._running.close()
            await self._running.run()


def _positions(answer: Any) -> list[int]:
    return list(answer["cancelled"])


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up in its own thread: the pool that asyncio has for it takes nothing more once
    the main thread has ended."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        return socket.getaddrinfo(host, port, **options)
