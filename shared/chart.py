"""A chart that a task returns: what may be in its specification, and the check that holds it.

A chart is data, never code or an address: names, numbers and one of four kinds. Whoever draws it
reads it with :func:`read_chart`, whatever wrote it; what is not a chart of ours is None.

    {"gatehouse_chart": "bars", "title": "Languages", "x": "", "y": "bytes",
     "series": [{"name": "", "points": [["Python", 1200], ["C", 300]]}]}

kind       a point
----       -------
bars       [label, number]
lines      [number, number], by x
scatter    [number, number]
histogram  [from, to, count]
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

MARK = "gatehouse_chart"
MOST_SERIES, MOST_POINTS, MOST_BARS = 6, 2_000, 60
LONGEST_TEXT = 120

Kind = Literal["bars", "lines", "histogram", "scatter"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Number = int | float
_WIDTHS = {"bars": 2, "lines": 2, "scatter": 2, "histogram": 3}
_MEMBERS = frozenset({MARK, "title", "x", "y", "series"})


class ChartError(ValueError):
    """What was given is no chart; its words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points that belong together; ``name`` may be empty where there is one series only."""

    name: str
    points: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart that can be drawn: everything in it was checked."""

    kind: Kind
    title: str
    x: str
    y: str
    series: tuple[Series, ...]


def is_chart(value: Any) -> bool:
    """Tell whether a value says of itself that it is a chart; it need not be a right one."""
    return isinstance(value, dict) and MARK in value


def read_chart(value: Mapping[str, Any]) -> Chart:
    """Return the chart of a specification. Raises ChartError. Linear in what it accepts: sizes come
    before contents."""
    kind = next((each for each in KINDS if each == value.get(MARK)), None)
    if kind is None or not set(value) <= _MEMBERS:
        raise ChartError(f"A chart is one of {', '.join(KINDS)}, with title, x, y and series.")
    listed = value.get("series")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SERIES:
        raise ChartError(f"A chart has 1 to {MOST_SERIES} series.")
    most = MOST_BARS if kind == "bars" else MOST_POINTS
    lengths = [len(_points_of(each)) for each in listed]
    if not 1 <= sum(lengths) <= most or 0 in lengths:
        raise ChartError(f"A chart of {kind} has 1 to {most} points, and no series without any.")
    return Chart(
        kind=kind,
        title=_text(value.get("title", "")),
        x=_text(value.get("x", "")),
        y=_text(value.get("y", "")),
        series=tuple(_series(kind, each) for each in listed),
    )


def write_chart(chart: Chart) -> dict[str, Any]:
    """Return the specification of a chart, as JSON has it."""
    series = [
        {"name": each.name, "points": [list(point) for point in each.points]}
        for each in chart.series
    ]
    return {MARK: chart.kind, "title": chart.title, "x": chart.x, "y": chart.y, "series": series}


def bins_of(numbers: Iterable[Number], count: int) -> list[list[Number]]:
    """Return a histogram of numbers: so many bins of one width, or one where all are the same.
    A number on an edge counts above it, the last edge is included. What is not finite is left out.
    """
    kept = sorted(number for number in numbers if math.isfinite(number))
    if not kept:
        return []
    low, high = kept[0], kept[-1]
    if low == high:
        return [[low, high, len(kept)]]
    width = (high - low) / count
    if not math.isfinite(width) or width == 0:
        return [[low, high, len(kept)]]
    bins = [[low + at * width, low + (at + 1) * width, 0] for at in range(count)]
    bins[-1][1] = high
    for number in kept:
        bins[min(count - 1, int((number - low) / width))][2] += 1
    return bins


def _points_of(series: Any) -> Sequence[Any]:
    points = series.get("points") if isinstance(series, dict) else None
    if not isinstance(points, list):
        raise ChartError("A series is an object with name and points.")
    return points


def _series(kind: Kind, series: Mapping[str, Any]) -> Series:
    points = tuple(_point(kind, each) for each in series["points"])
    ordered = tuple(sorted(points)) if kind in ("lines", "histogram") else points
    return Series(name=_text(series.get("name", "")), points=ordered)


def _point(kind: Kind, point: Any) -> tuple[Any, ...]:
    if not isinstance(point, list) or len(point) != _WIDTHS[kind]:
        raise ChartError(f"A point of {kind} has {_WIDTHS[kind]} parts.")
    if kind == "bars":
        return (_text(point[0]), _number(point[1]))
    numbers = tuple(_number(each) for each in point)
    if kind == "histogram" and (numbers[0] > numbers[1] or numbers[2] < 0):
        raise ChartError("A bin goes from a number to a higher one, and has a count.")
    return numbers


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ChartError(f"A name in a chart is a text of at most {LONGEST_TEXT} characters.")
    return value


def _number(value: Any) -> Number:
    # beyond that, differences are not finite any more
    if isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300:
        return value
    raise ChartError("A value in a chart is a finite number.")
