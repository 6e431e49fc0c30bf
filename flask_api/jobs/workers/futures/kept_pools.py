"""Somebody's executors, one after the other: made when one is needed and while no lock is held,
replaced when they take nothing, and let go when nothing of ours is in them.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor as Pool

log = logging.getLogger("gatehouse.jobs")

_LOOK_EVERY_S = 0.1
_MOST_REFUSALS = 5
_MOST_DOUBLINGS = 8
_LONGEST_PAUSE_S = 10.0  # a job that could not be begun comes again after as long
_LET_GO_S = 1.0  # of them all, when the process stops


class KeptPool:
    """One executor, and what we have in it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.users = 0  # slots that have it, to submit or to wait
        self.open = 0  # futures of it that are waited for
        self.refusals = 0  # since it took one
        self.costs_nothing = False  # to ask for another: it took one, or is the one there is


class KeptPools:
    """The executor of now, and those before it. Thread-safe; what is somebody's is called while
    others can go on.

    There are as many of those before as have something of ours, and one: what has nothing is shut
    down when the next is made, unless it is made again.
    """

    def __init__(self, make: Callable[[], Pool | None]) -> None:
        """``make`` returns None for what is no executor. It may block, and raise what it likes."""
        self._make = make
        self._changed = threading.Condition()
        self._current: KeptPool | None = None
        self._replaced: list[KeptPool] = []
        self._is_making = False
        self._tries = 0  # to make one that came to nothing
        self._fruitless = 0  # pools in a row that took nothing
        self._not_before = 0.0  # on the monotonic clock
        self.is_closed = False

    def borrow(self, is_needless: Callable[[], bool]) -> KeptPool | None:
        """Return the executor, for ``give_back``; made if there is none. None once closed or
        needless, and while it is too early to make one. Blocks while it is made, by somebody else
        only until it is needless. Raises what making it raises."""
        with self._changed:
            tries = self._tries
            while not self.is_closed and not is_needless():
                if self._current is not None:
                    self._current.users += 1
                    return self._current
                if self._tries != tries or time.monotonic() < self._not_before:
                    return None
                if not self._is_making:
                    self._is_making = True
                    break
                self._changed.wait(_LOOK_EVERY_S)
            else:
                return None
        made = None
        try:
            made = self._make()
        finally:
            kept = self._settle(made)
        return kept

    def _settle(self, made: Pool | None) -> KeptPool | None:
        """Take what was made, or nothing; shut down what is not needed any more."""
        needless: list[KeptPool] = []
        with self._changed:
            self._is_making = False
            self._changed.notify_all()
            if made is None:
                self._tries += 1
                return None
            again = next((each for each in self._replaced if each.pool is made), None)
            kept = again or KeptPool(made)
            kept.costs_nothing = again is not None
            if self.is_closed:
                needless.append(kept)
            else:
                self._current = kept
                kept.refusals = 0
                kept.users += 1
                self._replaced = [each for each in self._replaced if each is not kept]
                needless += self._take_idle()
        for each in needless:
            shut_down(each.pool, cancel=self.is_closed)
        return None if kept in needless else kept

    def _take_idle(self) -> list[KeptPool]:
        """Return those before that have nothing of ours, and know them no more."""
        idle = [each for each in self._replaced if not each.users]
        self._replaced = [each for each in self._replaced if each.users]
        return idle

    def give_back(self, kept: KeptPool) -> None:
        """Say that a slot is done with it: the last one lets go of it, if another is in its
        place."""
        with self._changed:
            kept.users -= 1
            idle = self._take_idle() if self._current is not None else []
        for each in idle:
            shut_down(each.pool, cancel=False)

    def note_open(self, kept: KeptPool, change: int) -> None:
        """Count a future that it took, or that has ended there."""
        with self._changed:
            kept.open += change
            kept.refusals = 0
            kept.costs_nothing = True
            self._fruitless = 0

    def is_of_no_use(self, kept: KeptPool) -> bool:
        """Count a refusal; tell whether it has refused all for a while, with no future of ours in
        it that would be left. Whatever it says, it may be shut down; or it may be full of what
        others submit."""
        with self._changed:
            if self._current is not kept:
                return False
            kept.refusals += 1
            return not kept.open and kept.refusals >= _MOST_REFUSALS

    def is_current(self, kept: KeptPool) -> bool:
        """Tell whether no other is in its place, or about to be."""
        return self._current is kept

    def replace(self, kept: KeptPool, *, is_broken: bool) -> None:
        """Have another one made for the next attempt, after a pause if several in a row took
        nothing. What this one has goes on, unless it is broken: then it runs nothing more."""
        with self._changed:
            if self._current is kept:
                self._current = None
                self._replaced.append(kept)
                if not kept.costs_nothing:
                    pause_s = min(2**self._fruitless - 1, _LONGEST_PAUSE_S)
                    self._fruitless = min(self._fruitless + 1, _MOST_DOUBLINGS)
                    self._not_before = time.monotonic() + pause_s
        if is_broken:
            shut_down(kept.pool, cancel=True)

    def close(self) -> None:
        """Let go of all, without waiting for what runs there, and of the one that is being made as
        soon as it is there. Idempotent; blocks for a second at most."""
        with self._changed:
            self.is_closed = True
            known = [*([self._current] if self._current else []), *self._replaced]
            self._current, self._replaced = None, []
            self._changed.notify_all()
        threads = [
            threading.Thread(
                target=shut_down, args=(each.pool,), kwargs={"cancel": True}, daemon=True
            )
            for each in known
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + _LET_GO_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def shut_down(pool: Pool, *, cancel: bool) -> None:
    """Let go of an executor, without waiting for what runs there; with ``cancel``, nothing that
    waits there begins."""
    try:
        try:
            pool.shutdown(wait=False, cancel_futures=cancel)
        except TypeError:  # it does not know all that the standard library's do: Dask's
            pool.shutdown(wait=False)
    except Exception as error:  # of one that can't be reached any more, say
        log.warning("an executor could not be shut down: %s", error)
