"""The threads of an executor's slots: made when they are needed, kept,
and idle until there is work.

What the pool of concurrent.futures does, without a future for each work, which nobody would ask and
which took about as long as it takes a thread to wake up. And the interpreter does not wait for
these: a job that never stops must not keep a process alive.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], object]
log = logging.getLogger("gatehouse.jobs")


class SlotThreads:
    """Runs works on as many threads as there are works at once. Thread-safe;
    ``run`` never blocks."""

    def __init__(self, *, name: str) -> None:
        self._name = name
        self._works: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._made = 0
        self._busy = 0
        self._is_closed = False

    def run(self, work: Work) -> None:
        """Run ``work`` on a thread that is free, or on a new one.
        Raises RuntimeError once closed."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the threads were let go")
            self._busy += 1
            self._works.put(work)
            if self._busy > self._made:
                threading.Thread(
                    target=self._serve, name=f"{self._name}_{self._made}", daemon=True
                ).start()
                self._made += 1

    def close(self) -> None:
        """Let each thread end after its work. Idempotent."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._made):
                self._works.put(None)
            self._made = 0

    def _serve(self) -> None:
        while (work := self._works.get()) is not None:
            try:
                work()
            except Exception:
                log.exception("a slot's work failed")
            with self._lock:
                self._busy -= 1
