"""Make the chart that a task returns, of the values that a task has."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from shared.chart import (
    LONGEST_TEXT,
    MARK,
    ChartError,
    Kind,
    bins_of,
    read_chart,
    write_chart,
)

Values = Iterable[Any] | Mapping[str, Any]
BINS = 20


def make_chart(
    kind: Kind, values: Values, *, title: str = "", x: str = "", y: str = "", bins: int = BINS
) -> dict[str, Any]:
    """Return the specification of a chart; see JobContext.chart. Raises ChartError."""
    try:
        return _made(kind, values, title=title, x=x, y=y, bins=bins)
    except ChartError:
        raise
    # a point that is none or has three numbers, a number beyond floats
    except (TypeError, ValueError, OverflowError) as error:
        raise ChartError(f"The values of a chart of {kind} can't be read: {error}.") from error


def _made(kind: Kind, values: Values, *, title: str, x: str, y: str, bins: int) -> dict[str, Any]:
    if kind == "bars":
        pairs: Iterable[Any] = values.items() if isinstance(values, Mapping) else values
        series = {"": [[_cut(label), number] for label, number in pairs]}
    elif isinstance(values, Mapping):
        series = {_cut(name): _points(kind, each, bins) for name, each in values.items()}
        if len(series) < len(values):
            raise ChartError(
                f"Names of series differ in their first {LONGEST_TEXT - 1} characters."
            )
    else:
        series = {"": _points(kind, values, bins)}
    chart = {
        MARK: kind,
        "title": _cut(title),
        "x": _cut(x),
        "y": _cut(y),
        "series": [{"name": name, "points": points} for name, points in series.items()],
    }
    return write_chart(read_chart(chart))


def _points(kind: Kind, values: Iterable[Any], bins: int) -> list[list[Any]]:
    if kind != "histogram":
        return [list(point) for point in values]
    given = list(values)
    if given and not isinstance(given[0], int | float):
        return [list(each) for each in given]
    if not 1 <= bins <= 200:
        raise ChartError("A histogram has 1 to 200 bins.")
    if any(not isinstance(each, int | float) or not math.isfinite(each) for each in given):
        raise ChartError("A histogram is made of finite numbers.")
    return bins_of(given, bins)


def _cut(text: Any) -> str:
    words = str(text)
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"
