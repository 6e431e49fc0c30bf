"""An executor of somebody's, by dotted path."""

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import cast


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
