"""When jobs ran, and beside what: a lane for each place that ran one at a time.

A job is a bar from the begin of its last attempt to its end; where an earlier attempt ended there
is a mark: of its begin nothing is kept. A lane is a slot of an executor, which is a thread, where
it is known in which one a job ended; what still runs, and what ran on another machine's worker, is
put where there is room. Very short jobs are begun several at a time in one slot: they are one bar.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_site.work.chart.draw import cut, line, svg, text
from django_site.work.chart.scale import scale_of, short
from django_site.work.listing.job_list import STATUS_WORDS
from django_site.work.shown import duration, moment, number

MOST_LANES = 64
_WIDTH, _LEFT, _RIGHT, _TOP = 480, 92, 16, 6
_LANE, _FOOT = 12, 22
_LONGEST_NAME = 16  # that is seen whole


@dataclass(slots=True, kw_only=True)
class Timeline:
    """A picture of jobs: ``words`` say the same in a sentence."""

    picture: SafeString
    words: str
    lanes: int = 0  # that there are; the first ones are drawn

    @property
    def is_cut(self) -> bool:
        """Whether there are more lanes than are drawn."""
        return self.lanes > MOST_LANES


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBar:
    """A job's last attempt, in seconds since 1970: what it is called, in which slot it ended, and
    when earlier ones did; or ``count`` jobs of one slot that began and ended together."""

    begin: float
    end: float
    state: str
    name: str
    failures: tuple[float, ...] = ()
    slot: int | None = None
    count: int = 1

    def is_beside(self, other: "TimeBar") -> bool:
        """Tell whether both ran at once."""
        return self.begin < other.end and other.begin < self.end

    def is_with(self, other: "TimeBar") -> bool:
        """Tell whether both began and ended together, alike."""
        times = (self.begin, self.end, self.state)
        return times == (other.begin, other.end, other.state) and not other.failures

    @property
    def length(self) -> float:
        """How long it took, in seconds."""
        return self.end - self.begin

    @property
    def words(self) -> str:
        """What it was, how it ended and how long it took."""
        state = str(STATUS_WORDS.get(self.state, self.state)).lower()
        name = self.name
        if self.count > 1:
            name = _("%(count)s jobs in turn") % {"count": self.count}
        said = {"name": name, "state": state, "time": duration(self.length)}
        return _("%(name)s: %(state)s, %(time)s") % said


@dataclass(slots=True, kw_only=True)
class Lane:
    """What ran one after the other, in one slot. The first lane of a place has its name, others
    the number of their slot."""

    name: str
    slot: int | None = None
    bars: list[TimeBar] = field(default_factory=list)

    def has_room(self, bar: TimeBar) -> bool:
        """Tell whether nothing else ran here meanwhile."""
        return not any(each.is_beside(bar) for each in self.bars)

    def add(self, bar: TimeBar) -> None:
        """Draw this one here, too."""
        if self.bars and self.bars[-1].is_with(bar):
            self.bars[-1] = replace(self.bars[-1], count=self.bars[-1].count + bar.count)
        else:
            self.bars.append(bar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The times from ``first`` to ``last``, and what stands at them: ``unit``s since ``zero``."""

    first: float
    last: float
    zero: float
    unit: str = "s"
    unit_s: float = 1.0

    def value(self, at: float) -> float:
        """Return what stands at a time."""
        return (at - self.zero) / self.unit_s


def timeline_of(jobs: Sequence[Mapping[str, Any]], now: datetime | None = None) -> Timeline | None:
    """Return the picture of a batch's jobs, None while none of them has begun."""
    now = now or datetime.now(UTC)
    begun = [job for job in jobs if moment(job["started_at"]) is not None]
    if not begun:
        return None
    bars = [(job.get("instance") or "", _bar(job, now.timestamp())) for job in begun]
    lanes = lanes_of(bars, lambda _place, at: _("Process %(number)s") % {"number": at})
    first = min(min(bar.begin, *bar.failures, bar.end) for _place, bar in bars)
    last = max(bar.end for lane in lanes[:MOST_LANES] for bar in lane.bars)
    words = _in_words(begun, lanes, last - first)
    return draw_lanes(lanes, Axis(first=first, last=last, zero=first), words)


def lanes_of(bars: Iterable[tuple[str, TimeBar]], name_of: Callable[[str, int], str]) -> list[Lane]:
    """Put each bar in the lane of its slot; one without in the first of its place that has room.
    ``name_of``: what a place is called, by itself and by its number."""
    places: dict[str, list[Lane]] = {}
    for place, bar in sorted(bars, key=_slots_first):
        lanes = places.setdefault(place, [])
        lane = next((each for each in lanes if _is_its(each, bar)), None)
        if lane is None:
            lane = Lane(name="", slot=bar.slot)
            lanes.append(lane)
        lane.add(bar)
    for at, (place, lanes) in enumerate(places.items(), start=1):
        lanes.sort(key=lambda lane: (lane.slot is None, lane.slot or 0))
        lanes[0].name = name_of(place, at)
        for lane in lanes[1:]:
            lane.name = "" if lane.slot is None else str(lane.slot + 1)
    return [lane for lanes in places.values() for lane in lanes]


def _slots_first(placed: tuple[str, TimeBar]) -> tuple[bool, float]:
    return placed[1].slot is None, placed[1].begin


def _is_its(lane: Lane, bar: TimeBar) -> bool:
    return lane.has_room(bar) if bar.slot is None else lane.slot == bar.slot


def draw_lanes(lanes: Sequence[Lane], axis: Axis, words: str) -> Timeline:
    """Return the picture of the first lanes; of what began before the axis, the rest."""
    shown = lanes[:MOST_LANES]
    height = _TOP + _LANE * len(shown) + _FOOT
    return Timeline(
        picture=svg(_WIDTH, height, _parts(shown, axis), words, "timeline"),
        words=words,
        lanes=len(lanes),
    )


def _bar(job: Mapping[str, Any], now: float) -> TimeBar:
    ended = job["finished_at"]
    return TimeBar(
        begin=_seconds(job["started_at"]),
        end=_seconds(ended) if ended else now,
        state=str(job["status"]),
        name=_("Job %(number)s") % {"number": job["number"]},
        failures=tuple(
            _seconds(each["ended_at"]) for each in job["attempts"] if each.get("ended_at")
        ),
        slot=job.get("slot"),
    )


def _seconds(text: str) -> float:
    found = moment(text)
    return found.timestamp() if found else 0.0


def _in_words(jobs: Sequence[Mapping[str, Any]], lanes: Sequence[Lane], last: float) -> str:
    processes = len({job.get("instance") or "" for job in jobs})
    places = _("one at a time")
    if (together := _most_together(lanes)) > 1:
        places = _("up to %(count)s at once") % {"count": together}
    on = ngettext("%(count)s process", "%(count)s processes", processes) % {"count": processes}
    words = _("%(jobs)s jobs on %(processes)s, %(places)s, over %(time)s.")
    said = {"jobs": number(len(jobs)), "processes": on, "places": places}
    return words % {**said, "time": duration(last)}


def _most_together(lanes: Sequence[Lane]) -> int:
    """Return how many bars overlap at most: several lanes may have had theirs in turn."""
    bars = [bar for lane in lanes for bar in lane.bars]
    edges = [(bar.begin, 1) for bar in bars]
    edges += [(max(bar.end, math.nextafter(bar.begin, math.inf)), -1) for bar in bars]
    return max(accumulate(change for _, change in sorted(edges)))


def _parts(lanes: Sequence[Lane], axis: Axis) -> Iterator[SafeString]:
    bottom = _TOP + _LANE * len(lanes)
    edges = [axis.value(axis.first), axis.value(axis.last)]
    scale, ticks = scale_of(edges, start=_LEFT, end=_WIDTH - _RIGHT)

    def place_of(at: float) -> float:
        return scale.at(axis.value(max(at, axis.first)))

    for tick in ticks:
        yield line(scale.at(tick), _TOP, scale.at(tick), bottom, "grid")
        yield text(scale.at(tick), bottom + 18, f"{short(tick)} {axis.unit}", "middle quiet")
    for row, lane in enumerate(lanes):
        y = _TOP + row * _LANE
        if lane.name:
            yield text(_LEFT - 8, y + _LANE * 0.75, cut(lane.name, _LONGEST_NAME), "end quiet")
        for bar in lane.bars:
            left = place_of(bar.begin)
            yield format_html(
                '<rect x="{}" y="{}" width="{}" height="{}" class="bar-{}"><title>{}</title>'
                "</rect>",
                left,
                y + 2,
                round(max(1.0, place_of(bar.end) - left - 0.5), 1),
                _LANE - 4,
                bar.state,
                bar.words,
            )
            for failure in bar.failures:
                if failure >= axis.first:
                    x = place_of(failure)
                    yield line(x, y + 1, x, y + _LANE - 1, "failure")
