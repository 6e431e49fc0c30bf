"""An executor of somebody's, by dotted path."""

import multiprocessing
import os
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, cast


def threads() -> Executor:
    """Return a pool that is not ours, and starts soon."""
    return ThreadPoolExecutor(2)


def processes() -> Executor:
    """Return a pool that is not ours, whose processes may die."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def dask() -> Executor:
    """Return a cluster of Dask's as an executor, as docs/executors.md says it."""
    from dask.distributed import Client

    cluster = Client(os.environ["DASK_SCHEDULER"], set_as_default=False)
    return cast(Executor, cluster.get_executor(pure=False))


class _OftenFull(ThreadPoolExecutor):
    """Has one thread, and takes an attempt when it has none besides that which runs."""

    refused = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turn = threading.Lock()  # else two slots that ask at once both find room

    def submit(self, *args: Any, **options: Any) -> Any:
        with self._turn:
            if self._work_queue.qsize():
                self.refused += 1
                raise RuntimeError("full; try again later")
            return super().submit(*args, **options)


def often_full() -> Executor:
    """Return a pool that refuses what it has no room for, and goes on with what it has."""
    return _OftenFull(1)
