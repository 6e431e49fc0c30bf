"""The circuit breaker, on a clock of the test's own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from flask_api.testing import FakeClock
from shared.redis.breaker import CircuitBreaker


def test_new_breaker_lets_everyone_through() -> None:
    """Nothing failed yet: every call may go out."""
    breaker = CircuitBreaker(clock=FakeClock())
    assert all(breaker.allow() for _ in range(3))


def test_failure_opens_it_for_the_pause() -> None:
    """After a failure nobody waits for another time-out until the pause is over."""
    clock = FakeClock()
    breaker = CircuitBreaker(open_s=0.5, clock=clock)
    breaker.fail()
    assert not breaker.allow()
    clock.advance(0.499)
    assert not breaker.allow()
    clock.advance(0.001)
    assert breaker.allow()


def test_pause_over_lets_one_probe_through_per_pause() -> None:
    """While one caller probes the others still fail fast;
    if it never reports, another may after the next pause."""
    clock = FakeClock()
    breaker = CircuitBreaker(open_s=0.5, clock=clock)
    breaker.fail()
    clock.advance(0.5)
    assert [breaker.allow() for _ in range(3)] == [True, False, False]
    clock.advance(0.5)
    assert [breaker.allow() for _ in range(3)] == [True, False, False]


def test_failed_probe_opens_it_again() -> None:
    """The pause starts anew at the probe's failure."""
    clock = FakeClock()
    breaker = CircuitBreaker(open_s=0.5, clock=clock)
    breaker.fail()
    clock.advance(0.5)
    assert breaker.allow()
    clock.advance(0.2)
    breaker.fail()
    clock.advance(0.4)
    assert not breaker.allow()
    clock.advance(0.1)
    assert breaker.allow()


def test_answer_closes_it() -> None:
    """One answer is enough to let everyone through again."""
    clock = FakeClock()
    breaker = CircuitBreaker(open_s=0.5, clock=clock)
    breaker.fail()
    clock.advance(0.5)
    assert breaker.allow()
    breaker.succeed()
    assert all(breaker.allow() for _ in range(3))


def test_threads_at_the_end_of_the_pause_send_exactly_one_probe() -> None:
    """Many threads ask at the same moment and one is told yes, every time."""
    clock = FakeClock()
    breaker = CircuitBreaker(open_s=0.5, clock=clock)
    breaker.fail()
    threads, rounds = 8, 50
    together = threading.Barrier(threads, action=lambda: clock.advance(0.5))

    def ask(_: int) -> list[bool]:
        answers = []
        for _ in range(rounds):
            together.wait(timeout=10)
            answers.append(breaker.allow())
            together.wait(timeout=10)
        return answers

    with ThreadPoolExecutor(threads) as pool:
        columns = list(pool.map(ask, range(threads)))
    # The barrier's action runs twice per round;
    # the second pause ends unasked, so each round has one probe.
    assert [sum(column[at] for column in columns) for at in range(rounds)] == [1] * rounds
