"""A call is repeated while Redis is away, and no longer than it makes sense."""

from itertools import repeat
from threading import Event

import pytest

from flask_api.jobs.records.outages import retry_until, retry_while_away
from shared.errors import JobStoreUnavailable


class Redis:
    """Is away for the first calls, however many they are."""

    def __init__(self, away: int) -> None:
        self.away, self.calls = away, 0

    def __call__(self) -> str:
        """Answer, or raise."""
        self.calls += 1
        if self.calls <= self.away:
            raise JobStoreUnavailable("Redis is away.")
        return "there"


def test_first_answer_ends_the_waiting() -> None:
    """After each failure one pause, in their order; none is taken before there was a failure."""
    waited: list[float] = []
    redis = Redis(away=2)
    assert retry_while_away(redis, [1, 2, 3], wait=waited.append) == "there"
    assert (redis.calls, waited) == (3, [1, 2])


def test_error_comes_out_when_no_pause_is_left() -> None:
    """With one call more than there are pauses."""
    redis = Redis(away=9)
    with pytest.raises(JobStoreUnavailable):
        retry_while_away(redis, repeat(0.5, 2), wait=lambda _: None)
    assert redis.calls == 3


def test_stopping_process_tries_a_last_time() -> None:
    """What it could not write before may be taken by a Redis that came back in the pause."""
    stopping, redis = Event(), Redis(away=2)

    def stop_at_second() -> str:
        if redis.calls:
            stopping.set()
        return redis()

    with pytest.raises(JobStoreUnavailable):
        retry_until(stopping, stop_at_second)
    assert redis.calls == 2


def test_errors_of_another_kind_are_not_repeated() -> None:
    """Only an outage passes by itself."""
    calls = []

    def wrong() -> None:
        calls.append(1)
        raise RuntimeError("wrong")

    with pytest.raises(RuntimeError, match="wrong"):
        retry_until(Event(), wrong)
    assert len(calls) == 1
