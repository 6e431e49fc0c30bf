"""Who waits for a job to end: told at once when it ends in this process.

What ends elsewhere is heard from the person's events (flask_api.streams), or by asking Redis.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

ASK_EVERY_S = 0.25


class Waiting:
    """The waits of one process for its jobs' ends. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._closing = threading.Event()

    def watch(self, job_id: str, tell: Callable[[], None]) -> None:
        """Have ``tell`` called when this process has stored the job's end. It must not block."""
        with self._lock:
            self._watchers[job_id].append(tell)

    def unwatch(self, job_id: str, tell: Callable[[], None]) -> None:
        """Undo one ``watch``."""
        with self._lock:
            self._watchers[job_id].remove(tell)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    def wait(self, job_id: str, *, timeout_s: float, has_ended: Callable[[], bool]) -> None:
        """Block until ``has_ended``, for ``timeout_s`` at most, or until shutdown."""
        event = threading.Event()
        self.watch(job_id, event.set)
        try:
            deadline = time.monotonic() + timeout_s
            while not self._closing.is_set() and not has_ended():
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0:
                    return
                event.wait(min(remaining_s, ASK_EVERY_S))
                event.clear()
        finally:
            self.unwatch(job_id, event.set)

    def notify(self, job_ids: Iterable[str]) -> None:
        """Tell the waiting requests of these jobs, whose ends are stored:
        who comes later sees that for itself."""
        if not self._watchers:
            return
        with self._lock:
            told = [tell for job_id in job_ids for tell in self._watchers.get(job_id, ())]
        for tell in told:
            tell()

    def close(self) -> None:
        """Tell everyone; later waits end at once."""
        self._closing.set()
        with self._lock:
            told = [tell for watchers in self._watchers.values() for tell in watchers]
        for tell in told:
            tell()

    @property
    def is_closed(self) -> bool:
        """Tell whether waits end at once."""
        return self._closing.is_set()
