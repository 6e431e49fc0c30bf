"""An executor of somebody's, by dotted path."""

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor


def threads() -> Executor:
    """Return a pool that is not ours, and starts soon."""
    return ThreadPoolExecutor(2)


def processes() -> Executor:
    """Return a pool that is not ours, whose processes may die."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
