"""Charts as SVG: shapes and text, made of numbers and escaped words; nothing else is ever in them.

Colours are classes of the page's style, so a chart follows light, dark and print.
"""

from collections.abc import Iterator

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from django_site.work.chart.scale import Scale, scale_of, short
from django_site.work.shown import visible
from shared.chart import Chart, Series

WIDTH, HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 44
_BAR, _LABEL_WIDTH, _LABEL_LENGTH = 28, 160, 15


def draw(chart: Chart, words: str) -> SafeString:
    """Return the picture; ``words`` are for who does not see it."""
    return _bars(chart, words) if chart.kind == "bars" else _plot(chart, words)


def cut(text: str, most: int) -> str:
    """Return a text that fits its place."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def svg(
    width: float, height: float, parts: Iterator[SafeString], words: str, kind: str = ""
) -> SafeString:
    """Return a picture of these parts, and what it shows in words."""
    return format_html(
        '<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        kind,
        round(width),
        round(height),
        visible(words),
        mark_safe("".join(parts)),  # noqa: S308  # each part is escaped
    )


def text(x: float, y: float, words: str, kind: str = "") -> SafeString:
    """Return words at a place; ``kind`` is a class of the style."""
    return format_html('<text x="{}" y="{}" class="{}">{}</text>', x, y, kind, words)


def rect(x: float, y: float, width: float, height: float, kind: str) -> SafeString:
    """Return a bar."""
    return format_html(
        '<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>',
        round(x, 1),
        round(y, 1),
        round(max(width, 0.5), 1),
        round(max(height, 0), 1),
        kind,
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> SafeString:
    """Return a straight line."""
    return format_html('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>', x1, y1, x2, y2, kind)


def _bars(chart: Chart, words: str) -> SafeString:
    values = [point[1] for series in chart.series for point in series.points]
    scale, _ = scale_of(values, start=_LABEL_WIDTH, end=WIDTH - 70, with_zero=True)
    height = _BAR * len(values) + 8
    return svg(WIDTH, height, _bar_parts(chart, scale), words)


def _bar_parts(chart: Chart, scale: Scale) -> Iterator[SafeString]:
    y, zero = 4.0, scale.at(0)
    for number, series in enumerate(chart.series):
        for label, value in series.points:
            end = scale.at(value)
            yield text(_LABEL_WIDTH - 8, y + _BAR * 0.68, cut(label, _LABEL_LENGTH), "end")
            yield rect(min(zero, end), y + 3, abs(end - zero), _BAR - 6, f"fill-{number}")
            yield text(max(zero, end) + 6, y + _BAR * 0.68, short(value), "quiet")
            y += _BAR


def _plot(chart: Chart, words: str) -> SafeString:
    across, up = _values(chart)
    x, x_ticks = scale_of(across, start=_LEFT, end=WIDTH - _RIGHT)
    y, y_ticks = scale_of(up, start=HEIGHT - _BOTTOM, end=_TOP, with_zero=chart.kind == "histogram")

    def parts() -> Iterator[SafeString]:
        for tick in y_ticks:
            yield line(_LEFT, y.at(tick), WIDTH - _RIGHT, y.at(tick), "grid")
            yield text(_LEFT - 6, y.at(tick) + 4, short(tick), "end quiet")
        for tick in x_ticks:
            yield text(x.at(tick), HEIGHT - _BOTTOM + 18, short(tick), "middle quiet")
        yield text((_LEFT + WIDTH) / 2, HEIGHT - 6, cut(chart.x, 60), "middle quiet")
        for number, series in enumerate(chart.series):
            yield from _shapes(chart.kind, series, number, x, y)

    return svg(WIDTH, HEIGHT, parts(), words)


def _values(chart: Chart) -> tuple[list[float], list[float]]:
    """Return what lies across and what lies up."""
    points = [point for series in chart.series for point in series.points]
    if chart.kind == "histogram":
        return [edge for point in points for edge in point[:2]], [point[2] for point in points]
    return [point[0] for point in points], [point[1] for point in points]


def _shapes(kind: str, series: Series, number: int, x: Scale, y: Scale) -> Iterator[SafeString]:
    if kind == "histogram":
        for low, high, count in series.points:
            left, top = x.at(low), y.at(count)
            yield rect(left, top, x.at(high) - left - 1, y.at(0) - top, f"fill-{number}")
        return
    if kind == "lines":
        places = " ".join(f"{x.at(a)},{y.at(b)}" for a, b in series.points)
        yield format_html('<polyline points="{}" class="line-{}"/>', places, number)
    if kind == "scatter" or len(series.points) == 1:
        for a, b in series.points:
            yield format_html(
                '<circle cx="{}" cy="{}" r="3.5" class="fill-{}"/>', x.at(a), y.at(b), number
            )
