"""Notice jobs on threads that hog the interpreter:
every request of their process waits then, and nobody could say for what.

The thread that beats asks to be woken after a while, and measures how late it is: to go on it needs
the interpreter, as each request does. What it waited for a processor doesn't count. If it is late
again and again, and jobs used most of the processor time of the process,
a warning names their task and where it is. A job must last for half a second to be seen.

While nothing runs on threads it costs two looks at a clock per wait.
Only on Linux, where threads have clocks that others read.
"""

import logging
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict, deque
from pathlib import Path
from statistics import median
from typing import NamedTuple

from flask_api.jobs.records.job import QueuedJob

log = logging.getLogger("gatehouse.jobs")

IS_ABLE = sys.platform == "linux"
WINDOW = 12  # waits that are judged together: 3 s
LATE_S = 0.003  # one thread that counts makes others wait 5 ms each time: Python's switch interval
_MOST = 0.5  # of the processor time of the process
_WORTH_A_WORD = 0.2  # of what all jobs on threads used
_AGAIN_AFTER_S = 600.0
_CALLS = 3
_RUN_DELAY = Path("/proc/thread-self/schedstat")


class Sample(NamedTuple):
    """What one wait showed: how late its end was,
    and who used how many seconds of a processor meanwhile."""

    late_s: float
    process_s: float
    tasks_s: dict[str, float]


def hogs_of(samples: deque[Sample]) -> list[str]:
    """Return the tasks whose jobs hog the interpreter, by a window of samples;
    none while the window is not full."""
    if len(samples) < WINDOW or median(each.late_s for each in samples) < LATE_S:
        return []
    used: Counter[str] = Counter()
    for each in samples:
        used.update(each.tasks_s)
    of_jobs = used.total()
    if of_jobs < _MOST * sum(each.process_s for each in samples):
        return []
    return [task for task, used_s in used.items() if used_s >= _WORTH_A_WORD * of_jobs]


class InterpreterWatch:
    """Knows the jobs on threads, and measures in :meth:`wait`.
    Jobs begin and end on any thread, one thread waits."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[QueuedJob, int]] = {}  # by thread: its job, and its clock
        self._used_before: dict[int, tuple[tuple[QueuedJob, int], float]] = {}
        self._process_before_s = 0.0
        self._samples: deque[Sample] = deque(maxlen=WINDOW)
        self._told_at: dict[str, float] = {}

    def begin(self, queued: QueuedJob) -> None:
        """Say that this thread runs a job now."""
        if sys.platform == "linux":
            thread = threading.get_ident()
            self._running[thread] = queued, time.pthread_getcpuclockid(thread)

    def end(self) -> None:
        """Say that it does no more."""
        self._running.pop(threading.get_ident(), None)

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        """Wait as ``stopping.wait``, and warn of hogs when that shows some."""
        if not self._running:
            self._samples.clear()
            return stopping.wait(seconds)
        if not self._samples:
            self._process_before_s = time.process_time()
        began, delayed_s = time.monotonic(), _run_delay_s()
        if stopping.wait(seconds):
            return True
        late_s = time.monotonic() - began - seconds
        self._samples.append(self._sample(late_s - (_run_delay_s() - delayed_s)))
        for task in hogs_of(self._samples):
            self._tell(task)
        return False

    def _sample(self, late_s: float) -> Sample:
        used: dict[str, float] = defaultdict(float)
        used_now = {thread: (run, _clock_s(run[1])) for thread, run in self._running.copy().items()}
        for thread, (run, now_s) in used_now.items():
            before = self._used_before.get(thread)
            # the same job: what a thread does between jobs is not the task's
            if before is not None and before[0] is run:
                used[run[0].task] += max(0.0, now_s - before[1])
        self._used_before = used_now
        before_s, self._process_before_s = self._process_before_s, time.process_time()
        return Sample(
            late_s=late_s, process_s=self._process_before_s - before_s, tasks_s=dict(used)
        )

    def _tell(self, task: str) -> None:
        now = time.monotonic()
        if now - self._told_at.get(task, -_AGAIN_AFTER_S) < _AGAIN_AFTER_S:
            return
        self._told_at[task] = now
        threads = [
            thread for thread, (queued, _) in self._running.copy().items() if queued.task == task
        ]
        log.warning(
            "task %s hogs the interpreter: all requests of this process wait for it; run it on "
            "processes",
            task,
            extra={
                "task": task,
                "jobs": len(threads),
                "late_ms": round(1000 * median(each.late_s for each in self._samples)),
                "at": _place_of(threads[0]) if threads else "",
            },
        )


def _clock_s(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:  # the thread has ended
        return 0.0


def _run_delay_s() -> float:
    """Return how long this thread has waited for a processor. Source:
    Linux, Documentation/scheduler/sched-stats."""
    try:
        return int(_RUN_DELAY.read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _place_of(thread: int) -> str:
    """Return where a thread is, and from where it was called: the innermost may be a library's."""
    frame = sys._current_frames().get(thread)
    calls = traceback.extract_stack(frame, limit=_CALLS) if frame else []
    return " < ".join(f"{call.filename}:{call.lineno} in {call.name}" for call in reversed(calls))
