"""Threads that write at the same moment share a round trip; alone one writes at once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from flask_api.jobs import group_commit
from flask_api.jobs.group_commit import Entry, GroupCommit
from shared.errors import JobStoreUnavailable
from tests.waiting import wait_until


class Slow(Exception):
    """Raised for who waited too long."""


def entry(name: str, *, kind: str = "", size: int = 1) -> Entry:
    """Return an entry that is answered by its name."""
    return Entry((), (name,), (kind,), size)


class Rounds:
    """A write whose round trips end when they are told to."""

    def __init__(self, *, patience_s: float = 30.0) -> None:
        self.written: list[list[str]] = []
        self.threads: list[int] = []
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.error: Exception | None = None
        self.commits = GroupCommit[str](self._write, patience_s=patience_s, too_slow=Slow)
        self._pool = ThreadPoolExecutor(80)

    def _write(self, entries: Sequence[Entry]) -> list[str]:
        self.written.append([str(each.arguments[0]) for each in entries])
        self.threads.append(threading.get_ident())
        self.begun.release()
        assert self.may_end.acquire(timeout=30)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return [str(each.arguments[0]).upper() for each in entries]

    def submit(self, *entries: Entry) -> list["Future[str]"]:
        """Run entries, each in a thread; returns when each waits or is written, in this order."""
        futures = []
        for each in entries:
            futures.append(self._pool.submit(self.commits.run, each))
            self._wait(each)
        return futures

    def _wait(self, one: Entry) -> None:
        def is_there() -> bool:
            written = {name for names in self.written for name in names}
            waiting = [ticket.entry for ticket in list(self.commits._waiting)]
            return one in waiting or one.arguments[0] in written

        wait_until(is_there, timeout_s=10, what=f"{one.arguments[0]} has come")

    def end(self, count: int = 1) -> None:
        """Let round trips end."""
        for _ in range(count):
            self.may_end.release()

    def close(self) -> None:
        """Let all threads go."""
        self.end(100)
        self._pool.shutdown()


@pytest.fixture
def make() -> Iterator[Callable[..., Rounds]]:
    """Make round trips that end when they are told to."""
    made: list[Rounds] = []

    def one(**options: Any) -> Rounds:
        made.append(Rounds(**options))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_one_alone_is_written_at_once_by_its_own_thread(make: Callable[..., Rounds]) -> None:
    """No other thread and no timer is involved."""
    rounds = make()
    rounds.end(2)
    assert [rounds.commits.run(entry(name)) for name in "ab"] == ["A", "B"]
    assert rounds.written == [["a"], ["b"]]
    assert set(rounds.threads) == {threading.get_ident()}


def test_those_who_come_meanwhile_share_the_next_round_trip(make: Callable[..., Rounds]) -> None:
    """Each has its own answer; there are two round trips for five."""
    rounds = make()
    futures = rounds.submit(*map(entry, "abcde"))
    rounds.end(2)
    assert [each.result(10) for each in futures] == list("ABCDE")
    assert rounds.written == [["a"], list("bcde")]


def test_failed_round_trip_fails_those_in_it_and_nobody_else(make: Callable[..., Rounds]) -> None:
    """Each has an exception of its own that says what the round trip's said, cause included."""
    rounds = make()
    first = rounds.submit(*map(entry, "abc"))
    rounds.end()
    assert first[0].result(10) == "A"
    assert rounds.begun.acquire(timeout=10)
    assert rounds.begun.acquire(timeout=10)
    later = rounds.submit(entry("d"))
    rounds.error = JobStoreUnavailable("away")
    rounds.error.__cause__ = OSError("the network")
    rounds.end(2)
    errors = [each.exception(10) for each in first[1:]]
    assert [(type(each), str(each)) for each in errors] == [(JobStoreUnavailable, "away")] * 2
    assert errors[0] is not errors[1]
    assert all(isinstance(each and each.__cause__, OSError) for each in errors)
    assert later[0].result(10) == "D"


def test_round_trip_is_bounded_and_of_one_kind(make: Callable[..., Rounds]) -> None:
    """By number, by bytes, and by what all in it must have in common; the order stays."""
    rounds = make()
    many = [entry(f"n{number:03}") for number in range(group_commit.MOST_ENTRIES + 1)]
    others = [entry("b1", kind="b"), entry("a1"), entry("a2", size=group_commit.MOST_BYTES)]
    futures = rounds.submit(entry("first"), *many, *others)
    rounds.end(6)
    assert all(each.result(10) for each in futures)
    lengths = [len(names) for names in rounds.written]
    assert lengths == [1, group_commit.MOST_ENTRIES, 1, 1, 1, 1]
    assert [name for names in rounds.written for name in names] == [
        "first", *(str(each.arguments[0]) for each in (*many, *others)),
    ]  # fmt: skip


def test_who_waits_too_long_is_refused_and_not_written(make: Callable[..., Rounds]) -> None:
    """A slow Redis makes no endless line; the round trip under way is not disturbed."""
    rounds = make(patience_s=0.05)
    first, second = rounds.submit(*map(entry, "ab"))
    assert isinstance(second.exception(10), Slow)
    rounds.end(2)
    assert first.result(10) == "A"
    assert rounds.commits.run(entry("c")) == "C"
    assert rounds.written == [["a"], ["c"]]


def test_every_one_of_many_threads_has_its_own_answer() -> None:
    """Nobody is forgotten, nobody written twice."""
    written: list[str] = []

    def write(entries: Sequence[Entry]) -> list[str]:
        written.extend(str(each.arguments[0]) for each in entries)
        return [str(each.arguments[0]) for each in entries]

    commits = GroupCommit[str](write, patience_s=30, too_slow=Slow)

    def run(first: int) -> bool:
        names = [str(first + number) for number in range(300)]
        return [commits.run(entry(name)) for name in names] == names

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(0, 2400, 300)))
    assert sorted(written) == sorted(map(str, range(2400)))
    assert not commits._is_writing
