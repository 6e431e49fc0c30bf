"""The prime tasks against known values, against each other, and as tasks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason
from flask_api.jobs.tasks.context import Progress
from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks.primes import (
    PROVEN_BELOW,
    SEGMENT,
    check_primes,
    is_prime,
    sum_primes,
    sum_primes_below,
)

# OEIS A014233: the smallest composites that pass Miller-Rabin for the first n primes;
# then Carmichael numbers.
STRONG_PSEUDOPRIMES = [
    2047,
    1373653,
    25326001,
    3215031751,
    2152302898747,
    3474749660383,
    341550071728321,
]
STRONG_PSEUDOPRIMES += [3825123056546413051, 318665857834031151167461]
CARMICHAEL = [561, 1105, 1729, 41041, 825265, 321197185]


def by_definition(number: int) -> bool:
    """Tell whether a small number is prime by dividing it by everything smaller."""
    return number > 1 and all(number % divisor for divisor in range(2, number))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 2),
        (4, 5),
        (5, 5),
        (6, 10),
        (10, 17),
        (100_000, 454_396_537),
        (2_000_000, 142_913_828_922),
    ],
)
def test_sum_below_known_limit_is_known_sum(limit: int, expected: int) -> None:
    """The limit itself is left out; the last two are published values (the last one Project Euler
    10)."""
    assert sum_primes_below(limit) == expected


@given(st.integers(0, 600))
def test_sum_below_small_limit_equals_the_definition(limit: int) -> None:
    """The sieve agrees with trial division."""
    assert sum_primes_below(limit) == sum(n for n in range(limit) if by_definition(n))


@pytest.mark.parametrize("edge", [2 * SEGMENT, 4 * SEGMENT])
def test_sum_around_segment_edge_grows_by_each_prime_once(edge: int) -> None:
    """No number is lost or counted twice where one segment ends and the next begins."""
    for limit in range(edge - 20, edge + 20):
        assert sum_primes_below(limit + 1) - sum_primes_below(limit) == (
            limit if is_prime(limit) else 0
        )


def test_progress_of_sum_rises_to_the_limit() -> None:
    """Each segment reports, the last one all of it."""
    seen: list[int] = []
    sum_primes_below(5 * SEGMENT, on_progress=seen.append)
    assert seen == [2 * SEGMENT, 4 * SEGMENT, 5 * SEGMENT]


def test_is_prime_of_small_number_equals_the_definition() -> None:
    """Miller-Rabin agrees with trial division."""
    assert [n for n in range(2000) if is_prime(n)] == [n for n in range(2000) if by_definition(n)]


@pytest.mark.parametrize(
    "number", [*STRONG_PSEUDOPRIMES, *CARMICHAEL, 2**63, 2**63 - 1, 4294967297, 3037000493**2]
)
def test_is_prime_of_deceptive_composite_is_false(number: int) -> None:
    """Numbers made to pass weaker tests don't pass."""
    assert not is_prime(number)


@pytest.mark.parametrize(
    "number", [2, 41, 43, 2**31 - 1, 3037000493, 2**61 - 1, 2**63 - 25, 2**64 - 59]
)
def test_is_prime_of_large_prime_is_true(number: int) -> None:
    """Primes up to the range's end are found."""
    assert is_prime(number)


@settings(max_examples=50)
@given(st.integers(2, 2**31), st.integers(2, 2**31))
def test_is_prime_of_product_is_false(left: int, right: int) -> None:
    """A product of two factors is never prime."""
    assert not is_prime(left * right)


def test_is_prime_beyond_the_proof_raises() -> None:
    """Where the bases are not proven to suffice, there is no answer instead of a probable one."""
    with pytest.raises(ValueError, match="exact below"):
        is_prime(PROVEN_BELOW)


def test_sum_task_run_returns_sum_and_reports_all_done() -> None:
    """The task is the function plus progress."""
    reports: list[Progress] = []
    assert run_inline(sum_primes, {"limit": 100_000}, report=reports.append) == 454_396_537
    assert (reports[-1].done, reports[-1].total) == (100_000, 100_000)


def test_check_task_run_keeps_order_and_duplicates() -> None:
    """One row per number as given, 2 ** 63 included."""
    rows = run_inline(check_primes, {"numbers": [7, 2**63, 7, 0]})
    assert rows == [
        {"number": n, "is_prime": p} for n, p in [(7, True), (2**63, False), (7, True), (0, False)]
    ]


@pytest.mark.parametrize(
    ("task", "arguments"), [(sum_primes, {"limit": 10**7}), (check_primes, {"numbers": [7]})]
)
def test_task_that_must_stop_raises_job_cancelled(task: Any, arguments: dict[str, Any]) -> None:
    """Progress is a point where a cancel takes effect."""
    with pytest.raises(JobCancelled):
        run_inline(task, arguments, must_stop=lambda: StopReason.CANCELLED)


@pytest.mark.parametrize("limit", [-1, 200_000_001, "7", 7.5, None, True, [7]])
def test_sum_task_with_wrong_limit_is_refused(limit: Any) -> None:
    """Only whole numbers in range are accepted."""
    with pytest.raises(InvalidArguments):
        run_inline(sum_primes, {"limit": limit})


@pytest.mark.parametrize("numbers", [[], [0] * 10_001, [-1], [2**63 + 1], ["7"], [True], 7, None])
def test_check_task_with_wrong_numbers_is_refused(numbers: Any) -> None:
    """One wrong number refuses the whole list before a job is made."""
    with pytest.raises(InvalidArguments):
        run_inline(check_primes, {"numbers": numbers})
