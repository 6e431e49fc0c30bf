"""A resolver that takes longer than somebody waits: its answers are late, and not lost."""

import socket
import threading
from collections.abc import Iterator

import pytest

from shared.redis.asking import Names, Place, UnresolvedError
from tests.waiting import wait_until

PLACE = ("redis.example", 6379, 0)
SOON_S = 0.05


class _Resolver:
    """Answers what it is told to, when it is let go; and tells what time it is."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.asked: list[Place] = []
        self.answer: list[str] | Exception = ["192.0.2.1"]
        self.go = threading.Event()
        self.names = Names(resolve=self._resolve, now=lambda: self.now_s)

    def find(self, place: Place = PLACE) -> list[str]:
        """Ask, and wait for a moment."""
        return self.names.addresses_of(place, timeout_s=SOON_S)

    def answer_late(self, answer: list[str] | Exception, place: Place = PLACE) -> None:
        """Let somebody ask who goes without an answer, and answer then."""
        self.answer = answer
        with pytest.raises(UnresolvedError):
            self.find(place)
        self.catch_up()

    def catch_up(self) -> None:
        """Answer whatever is asked, and hang again."""
        self.go.set()
        wait_until(lambda: _open_questions() == 0, timeout_s=10)
        self.go.clear()

    def _resolve(self, place: Place) -> list[str]:
        self.asked.append(place)
        assert self.go.wait(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def resolver() -> Iterator[_Resolver]:
    """One that hangs until it is let go."""
    resolver = _Resolver()
    yield resolver
    resolver.catch_up()


def _open_questions() -> int:
    return sum(thread.name == "gatehouse-resolves" for thread in threading.enumerate())


def test_late_answer_is_given_to_who_asks_next(resolver: _Resolver) -> None:
    """However slow the resolver always is; it is asked again, once at a time."""
    resolver.answer_late(["192.0.2.1"])
    assert [resolver.find() for _ in range(3)] == [["192.0.2.1"]] * 3
    assert (resolver.asked, _open_questions()) == ([PLACE] * 2, 1)


def test_newest_answer_counts(resolver: _Resolver) -> None:
    """One that is in time before all, then the one that came last."""
    resolver.answer_late(["192.0.2.1"])
    resolver.answer = ["192.0.2.2"]
    assert resolver.find() == ["192.0.2.1"]
    resolver.catch_up()
    assert resolver.find() == ["192.0.2.2"]
    resolver.answer = ["192.0.2.3"]
    resolver.catch_up()
    resolver.answer = ["192.0.2.4"]
    resolver.go.set()
    assert resolver.names.addresses_of(PLACE, timeout_s=40) == ["192.0.2.4"]


def test_answer_in_time_serves_when_the_next_is_late(resolver: _Resolver) -> None:
    """A resolver that begins to hang is not noticed at once."""
    resolver.go.set()
    assert resolver.names.addresses_of(PLACE, timeout_s=10) == ["192.0.2.1"]
    wait_until(lambda: _open_questions() == 0, timeout_s=10)
    resolver.go.clear()
    assert resolver.find() == ["192.0.2.1"]


def test_addresses_are_kept_for_ten_minutes(resolver: _Resolver) -> None:
    """The server may have another one by then."""
    resolver.answer_late(["192.0.2.1"])
    resolver.now_s += 599
    assert resolver.find() == ["192.0.2.1"]
    resolver.now_s += 2
    with pytest.raises(UnresolvedError):
        resolver.find()


def test_late_failure_is_kept_for_a_second(resolver: _Resolver) -> None:
    """Who asks next learns the reason; a name that is made meanwhile is found soon."""
    resolver.answer_late(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    with pytest.raises(socket.gaierror, match="not known"):
        resolver.find()
    resolver.now_s += 1.1
    with pytest.raises(UnresolvedError):
        resolver.find()


def test_failure_takes_no_place_of_addresses(resolver: _Resolver) -> None:
    """It is what a resolver that is away ends with, after long."""
    resolver.answer_late(["192.0.2.1"])
    resolver.answer = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert resolver.find() == ["192.0.2.1"]
    resolver.catch_up()
    assert resolver.find() == ["192.0.2.1"]


def test_answers_of_few_names_are_kept(resolver: _Resolver) -> None:
    """The oldest go first."""
    places = [(f"redis-{number}.example", 6379, 0) for number in range(65)]
    resolver.go.set()
    for place in places:
        assert resolver.names.addresses_of(place, timeout_s=10) == ["192.0.2.1"]
    wait_until(lambda: _open_questions() == 0, timeout_s=10)
    resolver.go.clear()
    assert resolver.find(places[1]) == resolver.find(places[-1]) == ["192.0.2.1"]
    with pytest.raises(UnresolvedError):
        resolver.find(places[0])
