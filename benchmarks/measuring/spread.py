"""What the rounds of a benchmark come to."""

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the least and the greatest."""
    return {"median": median(values), "min": min(values), "max": max(values)}
