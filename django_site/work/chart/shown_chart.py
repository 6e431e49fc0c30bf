"""A chart as a page shows it: the picture, what it shows in words, and its numbers as a table."""

from typing import Any

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext_lazy

from django_site.work.chart.draw import draw
from django_site.work.chart.scale import short
from shared.chart import Chart, ChartError, is_chart, read_chart

_HEADS = {
    "bars": ("", gettext_lazy("value")),
    "lines": ("x", "y"),
    "scatter": ("x", "y"),
    "histogram": (
        pgettext_lazy("histogram", "from"),
        pgettext_lazy("histogram", "to"),
        gettext_lazy("count"),
    ),
}
_WORDS = {
    "bars": gettext_lazy("Bars"),
    "lines": gettext_lazy("Lines"),
    "scatter": gettext_lazy("Points"),
    "histogram": gettext_lazy("Histogram"),
}


def find_chart(value: Any) -> Chart | None:
    """Return the chart that a value of a result is; None for any other, and for a wrong one."""
    if not is_chart(value):
        return None
    try:
        return read_chart(value)
    except ChartError:
        return None


def picture(chart: Chart) -> str:
    """Return the chart as SVG."""
    return draw(chart, in_words(chart))


def in_words(chart: Chart) -> str:
    """Say what a chart shows to who doesn't see it."""
    at = -1  # of a point, what is drawn upwards, or to the side
    values = [point[at] for series in chart.series for point in series.points]
    title = f": {chart.title}" if chart.title else ""
    words = ngettext(
        "%(count)s value from %(low)s to %(high)s.",
        "%(count)s values from %(low)s to %(high)s.",
        len(values),
    )
    said = words % {"count": len(values), "low": short(min(values)), "high": short(max(values))}
    return f"{_WORDS[chart.kind]}{title}. {said}"


def table_of(chart: Chart) -> tuple[list[str], list[list[Any]]]:
    """Return the numbers: names of columns, and rows."""
    heads = [str(head) for head in _HEADS[chart.kind]]
    if chart.kind != "bars":
        heads[0] = chart.x or heads[0]
    if chart.kind in ("lines", "scatter", "bars"):
        heads[1] = chart.y or heads[1]
    has_names = len(chart.series) > 1
    rows = [
        [*([series.name] if has_names else []), *point]
        for series in chart.series
        for point in series.points
    ]
    return [*([gettext("series")] if has_names else []), *heads], rows
