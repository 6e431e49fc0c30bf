"""Run several operations in one order of their steps after another:
a step ends before each command to Redis or the database.

Operations are ordinary code on threads of their own, with database connections of their own. One
thread runs at a time, and who runs next is chosen by a seed:
a schedule that failed is repeated by its seed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from django.db import connections

_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")
_PATIENCE_S = 30


class Actor:
    """One thread that runs operations, step by step."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._operation: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="actor", daemon=True)
        self.is_busy = False
        self.wants_lock = self.holds_lock = False
        self.error: BaseException | None = None
        self._is_over = self._is_writer = False
        self._thread.start()

    def begin(self, operation: Callable[[], None]) -> None:
        """Give it something to do; nothing of it is done before the first step."""
        self._operation, self.is_busy = operation, True

    def step(self) -> None:
        """Let it go on until its next command, or to its end."""
        self._go.release()
        assert self._back.acquire(timeout=_PATIENCE_S), "a step never ended"
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End the thread, in the middle of an operation too."""
        self._operation, self._is_over = None, True
        self._go.release()
        self._thread.join()

    def pause(self, sql: str = "") -> None:
        """Wait for the next step; called by its own thread, before a command."""
        self.holds_lock = self._is_writer and bool(connections[self._alias].in_atomic_block)
        self.wants_lock = sql.startswith(_WRITES) and not self.holds_lock
        self._back.release()
        self._go.acquire()
        if self._is_over:
            raise SystemExit  # its transaction is rolled back on the way out

    def is_of_this_thread(self) -> bool:
        """Tell whether the caller is this actor's operation."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        with connections[self._alias].execute_wrapper(self._before_query):
            while True:
                self._go.acquire()
                if self._operation is None:
                    break
                try:
                    self._operation()
                except BaseException as error:
                    self.error = error
                self.is_busy = self.wants_lock = self.holds_lock = False
                self._back.release()
                if self._is_over:
                    break
        connections.close_all()

    def _before_query(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        self.pause(sql)
        if sql.startswith("BEGIN"):
            self._is_writer = sql == "BEGIN IMMEDIATE"
        return execute(sql, *arguments)


@contextmanager
def actors(count: int, *, alias: str, store: Any) -> Iterator[list[Actor]]:
    """Have so many actors, which work on the database ``alias`` and on the Redis of ``store``."""
    found = [Actor(alias) for _ in range(count)]
    run = store._run

    def run_in_steps(*arguments: Any, **options: Any) -> Any:
        for actor in found:
            if actor.is_of_this_thread():
                actor.pause()
        return run(*arguments, **options)

    store._run = run_in_steps
    try:
        yield found
    finally:
        del store._run
        for actor in found:
            actor.stop()


def next_of(busy: list[Actor], chooser: Random) -> Actor:
    """Choose who makes the next step; who would only wait for another's write lock is not asked."""
    is_locked = any(actor.holds_lock for actor in busy)
    return chooser.choice([actor for actor in busy if not (is_locked and actor.wants_lock)])
