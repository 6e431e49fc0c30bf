"""The threads that slots run on: as many as needed, kept,
and never in the way of a process that ends."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from flask_api.jobs.workers.slots import SlotThreads
from tests.waiting import wait_until


@pytest.fixture
def threads() -> Iterator[SlotThreads]:
    """Threads that are let go at the end."""
    threads = SlotThreads(name="slots")
    yield threads
    threads.close()
    wait_until(lambda: not names_of(), timeout_s=5, what="the threads have ended")


def names_of(prefix: str = "slots_") -> set[str]:
    """Return the names of the threads that live."""
    return {each.name for each in threading.enumerate() if each.name.startswith(prefix)}


def test_works_at_once_have_a_thread_each_and_leave_them_to_the_next(threads: SlotThreads) -> None:
    """Three works that wait for each other all run; later ones make no more threads."""
    together = threading.Barrier(4)
    for _ in range(2):
        for _ in range(3):
            threads.run(lambda: together.wait(10))
        together.wait(10)
        wait_until(lambda: threads._busy == 0, timeout_s=5, what="all are done")
    assert names_of() == {"slots_0", "slots_1", "slots_2"}


def test_more_works_than_threads_may_be_wait_for_them() -> None:
    """Of three works for two threads the third runs when one of the others has ended."""
    threads, go, begun = SlotThreads(name="few", most=2), threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.append(number)
        go.wait(10)

    for number in range(3):
        threads.run(lambda number=number: work(number))  # type: ignore[misc]
    wait_until(lambda: len(begun) == 2, timeout_s=5, what="two run")
    assert len(names_of("few_")) == 2
    go.set()
    wait_until(lambda: sorted(begun) == [0, 1, 2], timeout_s=5, what="the third has run")
    threads.close()
    wait_until(lambda: not names_of("few_"), timeout_s=5, what="the threads have ended")


def test_work_that_raises_costs_no_thread(
    threads: SlotThreads, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the thread takes the next work."""
    done = threading.Event()
    threads.run(lambda: [].pop())
    wait_until(lambda: threads._busy == 0, timeout_s=5, what="it has failed")
    threads.run(done.set)
    assert done.wait(5)
    assert len(names_of()) == 1
    assert "a slot's work failed" in caplog.text


def test_closed_threads_finish_and_take_no_more() -> None:
    """What runs goes on to its end; then the threads are gone."""
    threads, go, done = SlotThreads(name="closing"), threading.Event(), threading.Event()

    def finish() -> None:
        go.wait(10)
        done.set()

    threads.run(finish)
    threads.close()
    threads.close()
    with pytest.raises(RuntimeError):
        threads.run(done.set)
    go.set()
    assert done.wait(5)
    wait_until(lambda: not names_of("closing_"), timeout_s=5, what="the threads have ended")


def test_work_that_never_ends_does_not_keep_the_process_alive() -> None:
    """concurrent.futures would wait for it."""
    program = (
        "import threading; from flask_api.jobs.workers.slots import SlotThreads\n"
        "begun = threading.Event()\n"
        "SlotThreads(name='x').run(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
