"""/operators/timeline/: what ran in the last minutes, a lane for each process or worker and
executor, and the same in numbers.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from django_site.operators.access import viewers_page
from django_site.operators.templatetags.operators import worker_name
from django_site.work import api, shown
from django_site.work.chart.timeline import MOST_LANES, Axis, Lane, TimeBar, draw_lanes, lanes_of
from django_site.work.listing.job_list import STATUS_WORDS

_MINUTES, _DEFAULT = (2, 10, 30, 60), 10
_MOST_LISTED = 100
_ID = 6  # characters of an id beside a lane: there is room for the longest executor's name


class _WorkPlace(NamedTuple):
    """Where attempts run: an executor of a process, or a worker's."""

    executor: str
    instance: str

    @property
    def name(self) -> str:
        """What stands at its lane, short."""
        return shown.visible(f"{self.executor} {worker_name(self.instance)[:_ID]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """A place in numbers: attempts by state, and how many ran at once on average."""

    name: str
    instance: str
    total: int
    counts: Mapping[str, int]
    at_once: str


@viewers_page
def timeline(request: HttpRequest) -> HttpResponse:
    """Draw the last minutes, as many as the address says."""
    wanted = request.GET.get("minutes", "")
    minutes = next((each for each in _MINUTES if str(each) == wanted), _DEFAULT)
    found = api.get(request, "/operate/timeline", minutes=minutes)
    begin, end = _seconds(found["begin"]), _seconds(found["end"])
    bars: dict[_WorkPlace, list[TimeBar]] = defaultdict(list)
    for attempt in found["attempts"]:
        place = _WorkPlace(attempt["executor"], attempt["instance"])
        bars[place].append(_bar(attempt, end))
        attempt["place"], attempt["took"] = place.name, shown.duration(bars[place][-1].length)
    lanes = [lane for place in sorted(bars) for lane in _lanes(place, bars[place])]
    axis = Axis(first=begin, last=end, zero=end, unit="min", unit_s=60)
    context = {
        "found": found,
        "minutes": minutes,
        "choices": _MINUTES,
        "drawn": draw_lanes(lanes, axis, _in_words(found, minutes)) if lanes else None,
        "lanes": len(lanes),
        "most_lanes": MOST_LANES,
        "places": [_row(place, bars[place], begin, end) for place in sorted(bars)],
        "states": {name: word for name, word in STATUS_WORDS.items() if name != "queued"},
        "listed": found["attempts"][:_MOST_LISTED],
        "tab": "timeline",
    }
    return render(request, "operators/timeline.html", context)


def _bar(attempt: Mapping[str, Any], now: float) -> TimeBar:
    begin, ended = _seconds(attempt["started_at"]), attempt["finished_at"]
    return TimeBar(
        begin=begin,
        end=max(begin, _seconds(ended) if ended else now),
        state=attempt["status"],
        name=shown.visible(attempt["task"]),
        failures=tuple(map(_seconds, attempt["failed_at"])),
        slot=attempt["slot"],
    )


def _lanes(place: _WorkPlace, bars: Sequence[TimeBar]) -> list[Lane]:
    return lanes_of([(place.name, bar) for bar in bars], lambda name, _at: name)


def _row(place: _WorkPlace, bars: Sequence[TimeBar], begin: float, end: float) -> PlaceRow:
    busy_s = sum(bar.end - max(begin, bar.begin) for bar in bars)
    counts = Counter(bar.state for bar in bars)
    return PlaceRow(
        name=place.name,
        instance=shown.visible(place.instance),
        total=len(bars),
        counts={state: counts[state] for state in STATUS_WORDS if state != "queued"},
        at_once=shown.localized(f"{busy_s / (end - begin):.2f}"),
    )


def _in_words(found: Mapping[str, Any], minutes: int) -> str:
    count = len(found["attempts"])
    running = sum(each["finished_at"] is None for each in found["attempts"])
    words = ngettext(
        "%(count)s attempt in the last %(minutes)s minutes, %(running)s of them still running.",
        "%(count)s attempts in the last %(minutes)s minutes, %(running)s of them still running.",
        count,
    )
    return words % {
        "count": shown.number(count),
        "minutes": minutes,
        "running": shown.number(running),
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
