"""A concurrent.futures.Executor whose calls are jobs of the service: durable, and run where the service runs them.

    with gatehouse.Executor() as executor:                         # was: ThreadPoolExecutor()
        futures = [executor.submit("primes.sum", limit) for limit in (10, 100, 1000)]
        for future in as_completed(futures):
            print(future.result())

What the standard library documents holds: ``submit``, ``map``, ``as_completed``, ``wait``, ``add_done_callback``, ``cancel``,
``with``, ``shutdown(cancel_futures=True)``. The differences are the service's: arguments and results are JSON; what a task
raised is a JobFailed, which is an instance of the built-in type too (``except ValueError`` works), with the remote error as
its cause; a wrong argument is an InvalidRequest that names it; a job that somebody cancelled is a CancelledError.

Calls that come close together travel as one batch, and all are followed by one stream. Nothing is lost when the service says
that it is too much: calls wait here then. While the service is away they wait ``patience_s``, then they raise Unavailable.
Done callbacks run in the executor's thread, as in a process pool: one that blocks holds up the others.
"""

import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor as StandardExecutor
from concurrent.futures import Future
from itertools import islice
from typing import Any, ParamSpec, TypeVar, overload

from gatehouse.background import Background, Times
from gatehouse.calls import Call
from gatehouse.client import Client
from gatehouse.names import name_of
from gatehouse.remote_future import RemoteFuture

P = ParamSpec("P")
T = TypeVar("T")


class Executor(StandardExecutor):
    """Runs calls as jobs. ``client``: which service and as whom, by default as ``Client()`` finds out.

    ``patience_s``: how long calls wait for a service that is away. ``exit_wait_s``: how long the interpreter, when it ends
    without a shutdown, waits for results; everything was sent then, and the jobs go on.
    """

    def __init__(self, client: Client | None = None, *, patience_s: float = 60.0, exit_wait_s: float = 30.0) -> None:
        self._client = client or Client()
        times = Times(patience_s=patience_s, exit_wait_s=exit_wait_s)
        on_end = _nothing if client else self._client.close
        self._background = Background(self._client, times, on_end=on_end)
        # An executor that is forgotten finishes its calls, and its thread ends, as with the standard library's.
        weakref.finalize(self, self._background.close).atexit = False

    @overload
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @overload
    def submit(self, fn: str, /, *args: Any, **kwargs: Any) -> Future[Any]: ...
    def submit(self, fn: object, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a job of a task, given by its name or as the function with ``@task`` on it. Does not wait for the service.

        Raises TypeError or ValueError for what is no task or no JSON, and RuntimeError after a shutdown.
        """
        future = self._future(fn, args, kwargs)
        self._background.add([future])
        return future

    @overload
    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[T]: ...
    @overload
    def map(self, fn: str, *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1) -> Iterator[Any]: ...
    def map(self, fn: Any, *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1) -> Iterator[Any]:
        """Return an iterator over the results, in order. The iterables are collected at once.

        Raises TimeoutError when a result is not there ``timeout`` seconds after the call of map; the other jobs that have not
        begun are cancelled then. ``chunksize``: so many calls are sent together, at the least; nothing is gained from it here
        but fewer requests.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        deadline = None if timeout is None else timeout + time.monotonic()
        calls = zip(*iterables, strict=False)
        futures: list[RemoteFuture] = []
        while chunk := [self._future(fn, args, {}) for args in islice(calls, chunksize)]:
            self._background.add(chunk)
            futures += chunk
        return self._results(futures, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. ``cancel_futures``: cancel what has not begun. ``wait``: return when every future is done."""
        self._background.close()
        if cancel_futures:
            self._background.abandon_all()
        if wait:
            self._background.join()

    def _future(self, fn: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RemoteFuture:
        return RemoteFuture(Call.of(name_of(fn), args, kwargs), self._background.cancel)

    def _results(self, futures: list[RemoteFuture], deadline: float | None) -> Generator[Any, None, None]:
        futures.reverse()
        try:
            while futures:
                left_s = None if deadline is None else deadline - time.monotonic()
                futures[-1].result(left_s)
                yield futures.pop().result()  # not kept by us while the caller has it
        finally:
            self._background.abandon(futures)


def _nothing() -> None:
    """Leave the client open: it is the caller's."""
