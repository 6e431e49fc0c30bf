"""When the jobs of a batch ran, and beside what: a lane for each place that ran one at a time.

A job is a bar from the begin of its last attempt to its end; where an earlier attempt ended there
is a mark: of its begin nothing is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_site.work.chart.draw import line, svg, text
from django_site.work.chart.scale import Scale, scale_of, short
from django_site.work.listing.job_list import STATUS_WORDS
from django_site.work.shown import duration, moment, number

_WIDTH, _LEFT, _RIGHT, _TOP = 480, 92, 16, 6
_LANE, _FOOT = 12, 22
_MOST_LANES = 64


@dataclass(slots=True, kw_only=True)
class Timeline:
    """A picture of a batch: ``words`` say the same in a sentence."""

    picture: SafeString
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    begin: float
    end: float
    state: str
    number: int
    failures: tuple[float, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Lane:
    name: str
    bars: list[_Bar] = field(default_factory=list)

    @property
    def end(self) -> float:
        return self.bars[-1].end if self.bars else float("-inf")


def timeline_of(jobs: Sequence[Mapping[str, Any]], now: datetime | None = None) -> Timeline | None:
    """Return the picture of these jobs, None while none of them has begun."""
    now = now or datetime.now(UTC)
    begun = [job for job in jobs if moment(job["started_at"]) is not None]
    if not begun:
        return None
    ends = [each["ended_at"] for job in begun for each in job["attempts"] if each.get("ended_at")]
    first = min(map(_seconds, [*(job["started_at"] for job in begun), *ends]))
    lanes = _lanes(begun, first, now.timestamp())
    shown = lanes[:_MOST_LANES]
    last = max(bar.end for lane in shown for bar in lane.bars)
    scale, ticks = scale_of([0.0, last], start=_LEFT, end=_WIDTH - _RIGHT)
    words = _in_words(begun, lanes, last)
    height = _TOP + _LANE * len(shown) + _FOOT
    return Timeline(
        picture=svg(_WIDTH, height, _parts(shown, scale, ticks), words, "timeline"), words=words
    )


def _lanes(jobs: Sequence[Mapping[str, Any]], first: float, now: float) -> list[_Lane]:
    """Put each job in the first lane of its process that is free when it begins."""
    processes: dict[str, list[_Lane]] = {}
    for job in sorted(jobs, key=lambda each: str(each["started_at"])):
        lanes = processes.setdefault(job.get("instance") or "", [])
        bar = _bar(job, first, now)
        lane = next((each for each in lanes if each.end <= bar.begin), None)
        if lane is None:
            place = list(processes).index(job.get("instance") or "") + 1
            name = _("Process %(number)s") % {"number": place}
            lane = _Lane(name="" if lanes else name)
            lanes.append(lane)
        lane.bars.append(bar)
    return [lane for lanes in processes.values() for lane in lanes]


def _bar(job: Mapping[str, Any], first: float, now: float) -> _Bar:
    ended = job["finished_at"]
    return _Bar(
        begin=_seconds(job["started_at"]) - first,
        end=(_seconds(ended) if ended else now) - first,
        state=str(job["status"]),
        number=int(job["number"]),
        failures=tuple(
            _seconds(each["ended_at"]) - first for each in job["attempts"] if each.get("ended_at")
        ),
    )


def _seconds(text: str) -> float:
    found = moment(text)
    return found.timestamp() if found else 0.0


def _in_words(jobs: Sequence[Mapping[str, Any]], lanes: Sequence[_Lane], last: float) -> str:
    processes = len({job.get("instance") or "" for job in jobs})
    places = _("one at a time")
    if len(lanes) > 1:
        places = _("up to %(count)s at once") % {"count": len(lanes)}
    on = ngettext("%(count)s process", "%(count)s processes", processes) % {"count": processes}
    words = _("%(jobs)s jobs on %(processes)s, %(places)s, over %(time)s.")
    said = {"jobs": number(len(jobs)), "processes": on, "places": places}
    return words % {**said, "time": duration(last)}


def _parts(lanes: Sequence[_Lane], scale: Scale, ticks: Sequence[float]) -> Iterator[SafeString]:
    bottom = _TOP + _LANE * len(lanes)
    for tick in ticks:
        yield line(scale.at(tick), _TOP, scale.at(tick), bottom, "grid")
        yield text(scale.at(tick), bottom + 18, f"{short(tick)} s", "middle quiet")
    for row, lane in enumerate(lanes):
        y = _TOP + row * _LANE
        if lane.name:
            yield text(_LEFT - 8, y + _LANE * 0.75, lane.name, "end quiet")
        for bar in lane.bars:
            left = scale.at(bar.begin)
            yield format_html(
                '<rect x="{}" y="{}" width="{}" height="{}" class="bar-{}"><title>{}</title>'
                "</rect>",
                left,
                y + 2,
                round(max(1.0, scale.at(bar.end) - left - 0.5), 1),
                _LANE - 4,
                bar.state,
                _("Job %(number)s: %(state)s, %(time)s")
                % {
                    "number": bar.number,
                    "state": str(STATUS_WORDS.get(bar.state, bar.state)).lower(),
                    "time": duration(bar.end - bar.begin),
                },
            )
            for failure in bar.failures:
                yield line(scale.at(failure), y + 1, scale.at(failure), y + _LANE - 1, "failure")
