"""Tasks on prime numbers: real work for a processor, with answers that are easy to check."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task

# One flag per odd number, so a segment covers a million numbers in half a megabyte:
# small enough for the cache.
SEGMENT = 1 << 19
_ROW = 512

# No composite below this passes the Miller-Rabin test for the first 13 primes.
# Source: J. Sorenson, J. Webster, "Strong pseudoprimes to twelve prime bases",
# Math. Comp. 86 (2017), 985-1003.
PROVEN_BELOW = 3_317_044_064_679_887_385_961_981
_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


@dataclass(frozen=True, slots=True, kw_only=True)
class Primality:
    """One number and whether it is prime."""

    number: int
    is_prime: bool


@task("primes.sum", executor="processes")
def sum_primes(limit: Annotated[int, Field(ge=0, le=200_000_000)], *, job: JobContext) -> int:
    """Add up the prime numbers below a limit."""
    return sum_primes_below(limit, on_progress=lambda done: job.progress(done, limit))


@task("primes.check", executor="processes")
def check_primes(
    numbers: Annotated[
        list[Annotated[int, Field(ge=0, le=2**63)]], Field(min_length=1, max_length=10_000)
    ],
    *,
    job: JobContext,
) -> list[Primality]:
    """Tell for each number whether it is prime, exactly and in the order given."""
    results = []
    for number in numbers:
        results.append(Primality(number=number, is_prime=is_prime(number)))
        job.progress(len(results), len(numbers))
    return results


def _ignore(done: int) -> None:
    """Nobody watches."""


def sum_primes_below(limit: int, *, on_progress: Callable[[int], None] = _ignore) -> int:
    """Return the sum of the primes p < ``limit`` by a segmented sieve;
    memory grows with the limit's square root only.

    ``on_progress`` is told after each segment below which number all is done;
    what it raises ends the sum.
    """
    if limit <= 2:
        return 0
    primes = _odd_primes_to(isqrt(limit))
    total = 2
    end = limit // 2  # flag i stands for 2 * i + 1, which is below the limit exactly when i < end
    for low in range(0, end, SEGMENT):
        flags = _sieve(low, primes)
        high = min(low + SEGMENT, end)
        flags[high - low :] = bytes(SEGMENT - (high - low))
        total += 2 * (low * flags.count(1) + _sum_positions(flags)) + flags.count(1)
        on_progress(min(2 * high, limit))
    return total


def is_prime(number: int) -> bool:
    """Tell whether ``number`` is prime; exact.
    Raises ValueError from ``PROVEN_BELOW`` on, where no proof covers it."""
    if number >= PROVEN_BELOW:
        raise ValueError(f"exact below {PROVEN_BELOW} only")
    if number < 2:
        return False
    for prime in _BASES:
        if number % prime == 0:
            return number == prime
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    return all(_passes(number, base, twos) for base in _BASES)


def _passes(number: int, base: int, twos: int) -> bool:
    """Make one round of Miller-Rabin: ``number`` - 1 is an odd number times 2 ** ``twos``."""
    power = pow(base, (number - 1) >> twos, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def _odd_primes_to(highest: int) -> list[int]:
    flags = bytearray(b"\x01") * (highest + 1)
    for number in range(3, isqrt(highest) + 1, 2):
        if flags[number]:
            flags[number * number :: number] = bytes(
                len(range(number * number, highest + 1, number))
            )
    return [number for number in range(3, highest + 1, 2) if flags[number]]


def _sieve(low: int, primes: list[int]) -> bytearray:
    """Return ``SEGMENT`` flags from position ``low`` on:
    1 where 2 * position + 1 has no factor in ``primes`` but itself."""
    flags = bytearray(b"\x01") * SEGMENT
    if low == 0:
        flags[0] = 0  # 1 is no prime
    for prime in primes:
        first = prime * prime // 2 - low  # smaller multiples have a smaller factor
        if first >= SEGMENT:
            break
        start = first if first >= 0 else first % prime
        flags[start::prime] = bytes(len(range(start, SEGMENT, prime)))
    return flags


def _sum_positions(flags: bytearray) -> int:
    """Return the sum of the positions that hold 1,
    four times as quick as ``sum(compress(range(SEGMENT), flags))``.

    A position is row * _ROW + column. Counting each row and each column runs in C,
    without a Python number per flag.
    """
    rows = sum(row * flags.count(1, row * _ROW, (row + 1) * _ROW) for row in range(SEGMENT // _ROW))
    return _ROW * rows + sum(column * flags[column::_ROW].count(1) for column in range(_ROW))
