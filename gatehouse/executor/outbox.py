"""Calls that wait to be sent. Filled by any thread, emptied by the one that sends."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gatehouse.executor.remote_future import RemoteFuture, Stage


@dataclass(slots=True)
class RequestLimits:
    """How many calls and bytes go into one request; less when the service refuses as much."""

    calls: int = 1000
    size: int = 4_000_000


class Outbox:
    """A queue for each task, which take turns. Thread-safe;
    ``on_first`` is called when there is something again."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, deque[RemoteFuture]] = {}
        self._on_first = on_first

    def add(self, futures: Iterable[RemoteFuture]) -> None:
        """Add calls, all at once."""
        with self._lock:
            was_empty = not self._lines
            for future in futures:
                self._lines.setdefault(future.call.task, deque()).append(future)
        if was_empty:
            self._on_first()

    def put_back(self, futures: Iterable[RemoteFuture]) -> None:
        """Add what was taken and refused for now: calls of one task, before all others."""
        with self._lock:
            for future in reversed(list(futures)):
                future.stage = Stage.UNSENT
                self._lines.setdefault(future.call.task, deque()).appendleft(future)

    def take(self, limits: RequestLimits) -> list[RemoteFuture]:
        """Return calls of one task for one request; empty when none waits."""
        taken: list[RemoteFuture] = []
        with self._lock:
            while self._lines and not taken:
                task, line = next(iter(self._lines.items()))
                taken = _take_from(line, limits)
                del self._lines[task]
                if line:
                    self._lines[task] = line  # behind the other tasks
        return taken

    def withdraw(self, future: RemoteFuture) -> bool:
        """Take a call back; False when it is too late for that."""
        with self._lock:
            if future.stage is not Stage.UNSENT:
                return False
            future.stage = Stage.WITHDRAWN
            return True

    def empty(self) -> list[RemoteFuture]:
        """Take back all calls."""
        return self.take_back(lambda _: True)

    def take_back(self, is_wanted: Callable[[RemoteFuture], bool]) -> list[RemoteFuture]:
        """Take back the calls of which ``is_wanted`` says so."""
        with self._lock:
            futures = [
                future
                for line in self._lines.values()
                for future in line
                if future.stage is Stage.UNSENT and is_wanted(future)
            ]
            for future in futures:
                future.stage = Stage.WITHDRAWN
            self._lines = {
                task: left
                for task, line in self._lines.items()
                if (left := deque(each for each in line if each.stage is Stage.UNSENT))
            }
        return futures

    def __bool__(self) -> bool:
        return bool(self._lines)


def _take_from(line: deque[RemoteFuture], limits: RequestLimits) -> list[RemoteFuture]:
    taken: list[RemoteFuture] = []
    size = 0
    while line and len(taken) < limits.calls:
        future = line[0]
        if future.stage is Stage.UNSENT:
            size += future.call.size
            if taken and size > limits.size:
                break
            future.stage = Stage.SENT
            taken.append(future)
        line.popleft()
    return taken
