"""A concurrent.futures.Executor whose calls are jobs of the service:
durable, and run where the service runs them.

    with gatehouse.Executor() as executor:                         # was: ThreadPoolExecutor()
        futures = [executor.submit("primes.sum", limit) for limit in (10, 100, 1000)]
        for future in as_completed(futures):
            print(future.result())

What the standard library documents holds: ``submit``, ``map``, ``as_completed``, ``wait``,
``add_done_callback``, ``cancel``, ``with``, ``shutdown(cancel_futures=True)``. The differences are
the service's: arguments and results are JSON; what a task raised is a JobFailed, which is an
instance of the built-in type too (``except ValueError`` works), with the remote error as its cause;
a wrong argument is an InvalidRequest that names it;
a job that somebody cancelled is a CancelledError.

Calls that come close together travel as one batch, and all are followed by one stream. Nothing is
lost when the service says that it is too much: calls wait here then. While the service is away they
wait ``patience_s``, then they raise Unavailable. Done callbacks run in the executor's thread,
as in a process pool: one that blocks holds up the others.
"""

import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor as StandardExecutor
from concurrent.futures import Future
from itertools import islice
from typing import Any, ParamSpec, TypeVar, overload

from gatehouse.client import Client
from gatehouse.executor.calls import Call
from gatehouse.executor.executor_thread import ExecutorThread, Times
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.protocol.names import name_of

P = ParamSpec("P")
T = TypeVar("T")


class Executor(StandardExecutor):
    """Runs calls as jobs. ``client``: which service and as whom,
    by default as ``Client()`` finds out.

    ``patience_s``: how long calls wait for a service that is away. ``exit_wait_s``: how long the
    interpreter, when it ends without a shutdown, waits for results;
    everything was sent then, and the jobs go on.
    """

    def __init__(
        self, client: Client | None = None, *, patience_s: float = 60.0, exit_wait_s: float = 30.0
    ) -> None:
        used = client or Client()
        times = Times(patience_s=patience_s, exit_wait_s=exit_wait_s)
        on_end = _nothing if client else used.close
        self._thread = ExecutorThread(used.connection, times, on_end=on_end)
        # An executor that is forgotten finishes its calls, and its thread ends,
        # as with the standard library's.
        weakref.finalize(self, self._thread.close).atexit = False

    @overload
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @overload
    def submit(self, fn: str, /, *args: Any, **kwargs: Any) -> Future[Any]: ...
    def submit(self, fn: object, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a job of a task, given by its name or as the function with ``@task`` on it.
        Does not wait for the service.

        Raises TypeError or ValueError for what isn't a task or can't be JSON,
        and RuntimeError after a shutdown.
        """
        future = self._future(fn, args, kwargs)
        self._thread.add([future])
        return future

    @overload
    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]: ...
    @overload
    def map(
        self,
        fn: str,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]: ...
    def map(
        self,
        fn: Any,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        """Return an iterator over the results, in order. The iterables are collected at once.

        ``buffersize``, as in Python 3.14 and here on every Python: at most this many calls are
        submitted whose results were not yielded yet; the iterables may be endless then. Raises
        TimeoutError when a result is not there ``timeout`` seconds after the call of map; the other
        jobs that have not begun are cancelled then. ``chunksize``: how many calls are sent together
        at least; all it gains here is fewer requests.
        """
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        deadline = None if timeout is None else timeout + time.monotonic()
        calls = (self._future(fn, args, {}) for args in zip(*iterables, strict=False))
        window = _Window(calls, self._thread, chunksize=chunksize, buffersize=buffersize)
        window.fill()
        return window.results(deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. ``cancel_futures``: cancel what has not begun. ``wait``:
        return when every future is done."""
        self._thread.close()
        if cancel_futures:
            self._thread.abandon_all()
        if wait:
            self._thread.join()

    def _future(self, fn: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RemoteFuture:
        return RemoteFuture(Call.of(name_of(fn), args, kwargs), self._thread.cancel)


class _Window:
    """The calls of one map that are submitted and whose results were not yielded yet."""

    def __init__(
        self,
        calls: Iterator[RemoteFuture],
        thread: ExecutorThread,
        *,
        chunksize: int,
        buffersize: int | None,
    ) -> None:
        self._calls = calls
        self._thread = thread
        self._most = buffersize
        self._chunksize = chunksize if buffersize is None else min(chunksize, buffersize)
        self._futures: deque[RemoteFuture] = deque()

    def fill(self) -> None:
        """Submit calls, chunk by chunk, while a whole chunk has room."""
        while self._most is None or len(self._futures) + self._chunksize <= self._most:
            chunk = list(islice(self._calls, self._chunksize))
            if not chunk:
                return
            self._thread.add(chunk)
            self._futures += chunk

    def results(self, deadline: float | None) -> Generator[Any, None, None]:
        """Yield the results in order; cancel what has not begun when that ends early."""
        try:
            while self._futures:
                left_s = None if deadline is None else deadline - time.monotonic()
                self._futures[0].result(left_s)
                yield self._futures.popleft().result()  # not kept by us while the caller has it
                self.fill()  # not sooner: what was yielded is what makes room
        finally:
            self._thread.abandon(list(self._futures))


def _nothing() -> None:
    """Leave the client open: it is the caller's."""
