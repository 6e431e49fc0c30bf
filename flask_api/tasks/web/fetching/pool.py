"""Threads that fetch for one job, and end with it.

    with FetchPool(client, job, threads=8) as pool:
        rows = pool.run_all(fetch_one, urls, noun="pages")

The thread of the task waits in slices, so a cancel or a time-out is noticed while every fetch
hangs. When the block ends by an exception, fetches not begun are dropped,
those under way are aborted, and all threads have ended before it goes on.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import ParamSpec, Self, TypeVar

from flask_api.jobs.tasks.context import JobContext
from flask_api.tasks.web.fetching.access import GuardedClient

# How long a cancel goes unnoticed while no fetch ends.
CHECKPOINT_S = 0.25

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class FetchPool:
    """Runs fetches at the same time. For the one thread that runs the task;
    closes the client when the block fails."""

    def __init__(self, client: GuardedClient, job: JobContext, *, threads: int) -> None:
        self._client = client
        self._job = job
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="web-fetch")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._client.close()
        self._pool.shutdown()

    def submit(self, fetch: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Begin a fetch as soon as a thread is free. Takes any number: who submits bounds them."""
        return self._pool.submit(fetch, *args, **kwargs)

    def wait_for(self, fetch: Future[R]) -> R:
        """Return the fetch's result. Raises what it raised, or JobCancelled."""
        while True:
            try:
                return fetch.result(timeout=CHECKPOINT_S)
            except TimeoutError:
                if fetch.done():  # its own, not ours
                    raise
                self._job.checkpoint()

    def run_all(self, fetch: Callable[[T], R], items: Sequence[T], *, noun: str) -> list[R]:
        """Return the results in the order of the items, with progress as each is done."""
        done: SimpleQueue[Future[R]] = SimpleQueue()
        fetches = [self.submit(fetch, item) for item in items]
        for each in fetches:
            each.add_done_callback(done.put)
        for count in range(1, len(items) + 1):
            # a programming error or an outage ends the job now, not after the last fetch
            self._take(done).result()
            self._job.progress(count, len(items), message=f"{count} of {len(items)} {noun}")
        return [each.result() for each in fetches]

    def _take(self, done: SimpleQueue[Future[R]]) -> Future[R]:
        while True:
            try:
                return done.get(timeout=CHECKPOINT_S)
            except Empty:
                self._job.checkpoint()
