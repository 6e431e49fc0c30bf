"""The threads of gunicorn's worker, of which those that wait for their client are replaced
meanwhile."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from deploy.servers.slow_clients import LENT_MAX, LentThreads


class GunicornThreads(ThreadPoolExecutor):
    """Runs as many calls at once as are set, and one more for each that waits for its client.
    Thread-safe."""

    def __init__(self, threads: int) -> None:
        super().__init__(max_workers=threads + LENT_MAX, thread_name_prefix="gatehouse-request")
        self._at_once = threads
        self._guard = threading.Lock()
        self._running = 0
        self._lent = LentThreads()
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn`` as soon as one of the threads is free."""
        future: Future[Any] = Future()
        with self._guard:
            self._calls.append((future, partial(fn, *args, **kwargs)))
            self._begin()
        return future

    @contextmanager
    def lent(self, holder: str | None) -> Iterator[None]:
        """Let another thread work while this one waits for its client; see Lender."""
        with self._lent.one(holder, replace=self._begin_more):
            yield

    def _begin_more(self) -> None:
        with self._guard:
            self._begin()

    def _begin(self) -> None:
        while self._calls and self._running < self._at_once + self._lent.taken:
            self._running += 1
            super().submit(self._call, *self._calls.popleft())

    def _adjust_thread_count(self) -> None:
        # Called by submit. Where the system lets us have no more threads, those that there are take
        # the call: the error would end the worker, which hands requests over on its main thread.
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise
            self._lent.note_shortage()

    def _call(self, future: "Future[Any]", call: Callable[[], Any]) -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)
        finally:
            with self._guard:
                self._running -= 1
                self._begin()
