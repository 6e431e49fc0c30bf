"""Waiting for a job's end: woken, bounded, and never in the way of a stop."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from flask_api.jobs import waiting
from flask_api.jobs.waiting import Waiting
from tests.waiting import wait_until

LONG_S = 60.0


class Waiter:
    """One wait in a thread of its own; the job ends when ``ended`` is set."""

    def __init__(self, pool: ThreadPoolExecutor, place: Waiting, job_id: str) -> None:
        self.ended = threading.Event()
        self.asked = 0
        self.future: Future[None] = pool.submit(
            place.wait,
            job_id,
            timeout_s=LONG_S,
            has_ended=self._has_ended,
        )
        wait_until(lambda: self.asked > 0, timeout_s=5, what="the waiter has asked once")

    def _has_ended(self) -> bool:
        self.asked += 1
        return self.ended.is_set()


@pytest.fixture
def _asks_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waiters ask Redis so rarely that only being woken ends a wait in time."""
    monkeypatch.setattr(waiting, "ASK_EVERY_S", LONG_S)


def test_wait_for_an_ended_job_returns_at_once() -> None:
    """The question is asked before any waiting."""
    Waiting().wait("1", timeout_s=LONG_S, has_ended=lambda: True)


def test_wait_ends_at_its_timeout() -> None:
    """A job that goes on ends the wait after its time, and with none the question is asked once."""
    Waiting().wait("1", timeout_s=0.01, has_ended=lambda: False)
    answers = iter([False])
    Waiting().wait("1", timeout_s=0, has_ended=lambda: next(answers))


@pytest.mark.usefixtures("_asks_rarely")
def test_notify_wakes_who_waits_for_this_job_only() -> None:
    """The end of a job in this process is seen at once, by all its waiters and no one else's."""
    place = Waiting()
    with ThreadPoolExecutor(3) as pool:
        first, second, other = (Waiter(pool, place, job_id) for job_id in ("1", "1", "2"))
        first.ended.set()
        second.ended.set()
        place.notify(["1"])
        first.future.result(timeout=5)
        second.future.result(timeout=5)
        assert not other.future.done()
        place.notify(["no such job"])
        other.ended.set()
        place.notify(["2"])
        other.future.result(timeout=5)


@pytest.mark.usefixtures("_asks_rarely")
def test_notify_before_the_end_is_no_end() -> None:
    """A woken waiter asks again, and goes on waiting when the job has not ended."""
    place = Waiting()
    with ThreadPoolExecutor(1) as pool:
        waiter = Waiter(pool, place, "1")
        place.notify(["1"])
        wait_until(lambda: waiter.asked == 2, timeout_s=5, what="the waiter has asked again")
        assert not waiter.future.done()
        place.close()
        waiter.future.result(timeout=5)


def test_end_in_another_process_is_found_by_asking() -> None:
    """Nobody wakes this waiter: it asks every quarter of a second."""
    place = Waiting()
    with ThreadPoolExecutor(1) as pool:
        waiter = Waiter(pool, place, "1")
        waiter.ended.set()
        waiter.future.result(timeout=5)


@pytest.mark.usefixtures("_asks_rarely")
def test_close_wakes_everyone_for_good() -> None:
    """A graceful stop waits for no long-poll, and later ones return at once."""
    place = Waiting()
    with ThreadPoolExecutor(2) as pool:
        waiters = [Waiter(pool, place, job_id) for job_id in ("1", "2")]
        place.close()
        for waiter in waiters:
            waiter.future.result(timeout=5)
    place.wait("3", timeout_s=LONG_S, has_ended=lambda: False)


def test_error_of_the_question_leaves_nothing_behind() -> None:
    """When Redis is away the caller hears of it, and nothing watches any more."""
    place = Waiting()

    def fail() -> bool:
        raise ConnectionError

    for _ in range(3):
        with pytest.raises(ConnectionError):
            place.wait("1", timeout_s=LONG_S, has_ended=fail)
    assert not place._watchers


def test_watcher_is_told_of_its_job_only_and_until_it_leaves() -> None:
    """Two may watch one job; each leaves for itself."""
    place, told = Waiting(), []
    first, second = (lambda: told.append("first")), (lambda: told.append("second"))
    place.watch("1", first)
    place.watch("1", second)
    place.notify(["2", "1"])
    place.unwatch("1", first)
    place.notify(["1"])
    place.unwatch("1", second)
    place.notify(["1"])
    assert told == ["first", "second", "second"]
    assert not place._watchers
