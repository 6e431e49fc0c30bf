"""/operators/times/: what ended in the last 72 hours, by task, and how long it waited and ran."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from django_site.operators.access import viewers_page
from django_site.work import api, shown

# Of the picture of a task's hours: a bar for each, in units of its own.
_STEP, _BAR, _HEIGHT = 3, 2, 28


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBar:
    """One hour in a picture: what ended in it, and above that what failed of it."""

    x: int
    y: int
    height: int
    failed: int


@viewers_page
def times(request: HttpRequest) -> HttpResponse:
    """Show the tasks that ran, the busiest first."""
    found = api.get(request, "/operate/times")
    for task in found["tasks"]:
        totals = [sum(hour.values()) for hour in task["by_hour"]]
        task["total"] = sum(totals)
        task["most"] = max(totals)
        task["bars"] = _bars(task["by_hour"], max(totals))
        task["width"], task["height"] = _STEP * len(totals), _HEIGHT
        for name in ("waited", "ran"):
            task[name]["half"] = _within(task[name], "half_within_s")
            task[name]["nearly_all"] = _within(task[name], "most_within_s")
            task[name]["mean"] = shown.duration(task[name]["mean_s"])
    return render(request, "operators/times.html", {"found": found, "tab": "times"})


def _within(spread: Mapping[str, Any], name: str) -> str:
    if not spread["count"]:
        return "—"
    seconds = spread[name]
    return _("over 1 h") if seconds is None else f"≤ {_bound(seconds)}"


def _bound(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit:
            return shown.localized(f"{seconds / unit:g} {name}")
    return shown.localized(f"{seconds:g} s")


def _bars(hours: Sequence[Mapping[str, int]], most: int) -> list[HourBar]:
    bars = []
    for number, hour in enumerate(hours):
        total = sum(hour.values())
        if total:
            height = max(2, round(_HEIGHT * total / most))
            failed = round(height * hour["failed"] / total)
            x, y = number * _STEP, _HEIGHT - height
            bars.append(HourBar(x=x, y=y, height=height, failed=max(failed, bool(hour["failed"]))))
    return bars
