"""From numbers to places on a picture, and the round numbers at its edge."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django_site.work.shown import localized

_STEPS = (1, 2, 2.5, 5, 10)
_LEAST = 1e-300  # smaller ones have no powers of ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A straight way from ``low``..``high`` to ``start``..``end`` in the picture's units."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value is, to a tenth of a unit."""
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def scale_of(
    values: Sequence[float], *, start: float, end: float, with_zero: bool = False
) -> tuple[Scale, list[float]]:
    """Return the scale that holds all values, and the round numbers to be written at it."""
    low, high = min(values), max(values)
    if with_zero:
        low, high = min(low, 0), max(high, 0)
    if low == high:
        low, high = (low - 1, high + 1) if not with_zero else (0, 1)
    ticks = ticks_of(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    return Scale(low=low, high=high, start=start, end=end), ticks


def ticks_of(low: float, high: float, count: int = 4) -> list[float]:
    """Return about so many round numbers over a range, the last at or above its end."""
    rough = (high - low) / count
    if not rough > _LEAST or not math.isfinite(rough):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def short(value: float) -> str:
    """Return a number as short as an edge has room for: 1.2M for 1,200,000."""
    size = abs(value)
    for unit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return localized(f"{value / unit:.4g}{letter}" if size < 1e15 else f"{value:.2g}")
    return localized(f"{value:.2g}" if size and size < 0.001 else f"{value:.4g}")
