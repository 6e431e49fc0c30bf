"""A chart is data: what a task may put in one, and that drawing it makes shapes and words only."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest

from django_site.work.chart.scale import ticks_of
from django_site.work.chart.shown_chart import find_chart, in_words, picture, table_of
from django_site.work.chart.timeline import timeline_of
from flask_api.jobs.tasks.charts import make_chart
from shared.chart import MARK, ChartError, bins_of, read_chart

SPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script><image href="https://evil.example/x"/>&\u202e\x1b'
SHAPES = {"svg", "rect", "line", "text", "polyline", "circle", "title"}
ATTRIBUTES = {
    *("viewBox", "role", "aria-label", "class", "x", "y", "width", "height"),
    *("x1", "x2", "y1", "y2", "cx", "cy", "r", "points"),
}


def drawn(chart: dict[str, Any]) -> ET.Element:
    """Draw a specification as it comes back from JSON; return the picture's tree."""
    found = find_chart(json.loads(json.dumps(chart)))
    assert found is not None
    return ET.fromstring(picture(found))


@pytest.mark.parametrize(
    ("kind", "values", "shape", "count"),
    [
        ("bars", {"Python": 1200, "C": -3.5, "w" * 500: 0}, "rect", 3),
        ("bars", [(HOSTILE, 1)], "rect", 1),
        ("lines", [(3, 1), (1, 2), (2, 1e200)], "polyline", 1),
        ("lines", {"a": [(1, 2), (2, 3)], HOSTILE: [(1, 1)]}, "polyline", 2),
        ("scatter", [(0, 0), (1e-9, 5)], "circle", 2),
        ("histogram", [1, 2, 2, 3.5, 9], "rect", 20),
        ("histogram", [[0, 1, 4], [1, 2, 0]], "rect", 2),
        ("histogram", [7, 7, 7], "rect", 1),
    ],
)
def test_each_kind_is_drawn_of_shapes_and_words_only(
    kind: Any, values: Any, shape: str, count: int
) -> None:
    """Whatever its names say: no other element, no other attribute, no address, all of it within
    the picture."""
    chart = make_chart(kind, values, title=HOSTILE, x=HOSTILE, y="y")
    tree = drawn(chart)
    assert {each.tag.removeprefix(SPACE) for each in tree.iter()} <= SHAPES
    assert {name for each in tree.iter() for name in each.attrib} <= ATTRIBUTES
    shapes = [each for each in tree.iter() if each.tag == shape]
    assert len(shapes) == count
    _, _, width, height = map(float, tree.attrib["viewBox"].split())
    for each in shapes:
        left, top = float(each.get("x", each.get("cx", 0))), float(each.get("y", each.get("cy", 0)))
        assert 0 <= left <= width
        assert 0 <= top <= height
        assert "nan" not in str(each.attrib)
    heads, rows = table_of(read_chart(chart))
    assert rows
    assert {len(row) for row in rows} == {len(heads)}
    assert "\u202e" not in tree.attrib["aria-label"]
    assert in_words(read_chart(chart))


@pytest.mark.parametrize(
    "wrong",
    [
        {MARK: "pie", "series": [{"name": "", "points": [["a", 1]]}]},
        {MARK: "bars", "series": [], "title": ""},
        {MARK: "bars", "series": [{"name": "", "points": []}]},
        {MARK: "bars", "series": [{"name": "", "points": [["a", "1"]]}]},
        {MARK: "bars", "series": [{"name": "", "points": [["a", True]]}]},
        {MARK: "bars", "series": [{"name": "", "points": [["a" * 121, 1]]}]},
        {MARK: "bars", "series": [{"name": "", "points": [["a", 1]] * 61}]},
        {MARK: "lines", "series": [{"name": "", "points": [[1, 2]] * 2001}]},
        {MARK: "lines", "series": [{"name": "", "points": [[1, 1e301]]}]},
        {MARK: "lines", "series": [{"name": "", "points": [[1, float("nan")]]}]},
        {MARK: "lines", "series": [{"name": "", "points": [[1, 2, 3]]}]},
        {MARK: "lines", "series": [{"name": "", "points": [[1, 2]]}] * 7},
        {MARK: "histogram", "series": [{"name": "", "points": [[2, 1, 1]]}]},
        {MARK: "bars", "series": [{"name": "", "points": [["a", 1]]}], "href": "https://x.example"},
        {MARK: ["bars"], "series": None},
        {MARK: "bars", "series": [None]},
    ],
)
def test_what_is_no_chart_is_not_drawn(wrong: dict[str, Any]) -> None:
    """It is shown as any other object, and a task is told at once."""
    with pytest.raises(ChartError):
        read_chart(wrong)
    assert find_chart(wrong) is None


def test_bins_hold_every_finite_number_once() -> None:
    """Also of very close and very far numbers."""
    for numbers in ([1, 2, 3], [0.1] * 3, [1e-300, 2e-300], [-1e308, 1e308], [5, float("inf")]):
        bins = bins_of(numbers, 7)
        finite = [number for number in numbers if abs(number) != float("inf")]
        assert sum(count for _, _, count in bins) == len(finite)
    assert bins_of([], 5) == []


def test_ticks_are_round_and_reach_the_end() -> None:
    """Few, whatever the size."""
    for low, high in ((0, 1), (0, 97), (-3, 12_345), (1e-7, 3e-7), (0, 1e300)):
        ticks = ticks_of(low, high)
        assert ticks[0] <= low
        assert ticks[-1] >= high * 0.999
        assert len(ticks) <= 7
    assert ticks_of(0.0, 2e-323) == [0.0]  # a tenth of it has no power of ten


def job(number: int, begin: str, end: str | None, **changed: Any) -> dict[str, Any]:
    """Return a job of a batch as the API lists it."""
    times: dict[str, str | None] = {"started_at": f"2026-01-02T03:04:{begin}Z"}
    times["finished_at"] = None if end is None else f"2026-01-02T03:04:{end}Z"
    return {
        "number": number,
        "status": "succeeded",
        "attempts": [],
        "instance": "a",
        **times,
        **changed,
    }


def test_timeline_begins_with_the_first_attempt_that_ended() -> None:
    """Its mark is in the picture, although only the last attempt's begin is known."""
    earlier = [{"ended_at": "2026-01-02T03:00:00Z"}]
    found = timeline_of([job(1, "00", "02", attempts=earlier)])
    assert found is not None
    places = [float(each.attrib.get("x1", 0)) for each in ET.fromstring(found.picture)]
    assert min(places) >= 0


def test_timeline_has_a_lane_for_each_place_that_ran_one_at_a_time() -> None:
    """Of each process as many as ran at once; a job that waits is none."""
    waits = {**job(9, "00", None), "started_at": None}
    assert timeline_of([waits]) is None
    found = timeline_of(
        [
            job(1, "00", "02"),
            job(2, "01", "03", status="failed", attempts=[{"ended_at": "2026-01-02T03:04:01Z"}]),
            job(3, "02", "04"),
            job(4, "00", "04", instance="b"),
            waits,
        ]
    )
    assert found is not None
    assert found.words == "4 jobs on 2 processes, up to 3 at once, over 4.0 s."
    tree = ET.fromstring(found.picture)
    bars = {str(each[0].text): each for each in tree if each.tag == "rect"}
    places = {words.split(":")[0]: bar.attrib["y"] for words, bar in bars.items()}
    assert places["Job 1"] == places["Job 3"]
    assert len(set(places.values())) == 3
    assert [each.attrib["class"] for each in tree if each.tag == "line"].count("failure") == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("histogram", [10**400]),
        ("histogram", [1.0, float("inf")]),
        ("lines", [1, 2]),
        ("bars", [(1, 2, 3)]),
        ("bars", ["abc"]),
        ("lines", {"a" * 130: [(1, 2)], "a" * 131: [(3, 4)]}),
    ],
)
def test_values_that_no_chart_holds_are_refused_as_the_docs_say(kind: Any, values: Any) -> None:
    """A ValueError in the task; nothing is left out without a word."""
    with pytest.raises(ValueError, match=r"chart|histogram|Names of series"):
        make_chart(kind, values)


def test_timeline_has_a_lane_for_each_slot_that_is_known() -> None:
    """Very short jobs are begun several at a time in one slot, and say the same times: they are one
    bar of its lane, not a lane each. What still runs is where there is room."""
    together = [job(number, "00", "01", slot=0) for number in range(1, 65)]
    others = [
        job(65, "01", "02", slot=0),
        job(66, "00", "02", slot=3),
        job(67, "02", None, status="running"),
    ]
    found = timeline_of([*together, *others], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert found is not None
    assert (found.lanes, found.is_cut) == (2, False)
    tree = ET.fromstring(found.picture)
    bars = {str(each[0].text): each.attrib["y"] for each in tree if each.tag == "rect"}
    assert len(bars) == 4
    assert bars["64 jobs in turn: succeeded, 1.0 s"] == bars["Job 65: succeeded, 1.0 s"]
    assert {each.text for each in tree if each.tag == "text"} >= {"Process 1", "4"}


def test_jobs_of_several_slots_that_ran_in_turn_were_one_at_a_time() -> None:
    """The picture's words are all that some people have of it."""
    in_turn = [job(number, f"0{number}", f"0{number + 1}", slot=number) for number in range(3)]
    found = timeline_of(in_turn)
    assert found is not None
    assert found.lanes == 3
    assert found.words == "3 jobs on 1 process, one at a time, over 3.0 s."
    both = timeline_of([*in_turn, job(3, "01", "01", slot=3)])
    assert both is not None
    assert "up to 2 at once" in both.words


def test_picture_says_how_many_lanes_there_are_when_not_all_are_drawn() -> None:
    """So many jobs of one place ran at once."""
    found = timeline_of([job(number, "00", "01") for number in range(65)])
    assert found is not None
    assert (found.lanes, found.is_cut) == (65, True)
