"""When is a task said to hog the interpreter? By what a window of waits showed."""

from collections import deque

import pytest

from flask_api.jobs.workers.interpreter_watch import LATE_S, WINDOW, Sample, hogs_of

LATE = 2 * LATE_S
BUSY = Sample(late_s=LATE, process_s=0.25, tasks_s={"a.count": 0.2, "a.wait": 0.001})


@pytest.mark.parametrize(
    ("samples", "hogs"),
    [
        ([BUSY] * WINDOW, ["a.count"]),
        ([BUSY] * (WINDOW - 1), []),
        # it counts in a library that lets go of the interpreter
        ([BUSY._replace(late_s=LATE_S / 2)] * WINDOW, []),
        # requests use the processor, not jobs
        ([BUSY._replace(tasks_s={"a.count": 0.01})] * WINDOW, []),
        (
            [BUSY._replace(tasks_s={"a.count": 0.1, "b.count": 0.1})] * WINDOW,
            ["a.count", "b.count"],
        ),
        ([BUSY._replace(late_s=0.0)] * (WINDOW // 2 - 1) + [BUSY] * (WINDOW // 2 + 1), ["a.count"]),
        ([BUSY] * (WINDOW // 2 - 1) + [BUSY._replace(late_s=0.0)] * (WINDOW // 2 + 1), []),
    ],
)
def test_hog_is_late_for_most_of_a_window_and_by_jobs(
    samples: list[Sample], hogs: list[str]
) -> None:
    """Late now and then is no hog, and neither is a process that is busy with something else."""
    assert hogs_of(deque(samples)) == hogs
