"""The parts of event streams that need no server:
positions, entries, frames, places, what is held for followers."""

import pytest

from flask_api.jobs.records.events import PAGE, Event, Position, _events
from flask_api.streams.hub import _HELD_CHARACTERS, _HELD_EVENTS, Channel
from flask_api.streams.places import Places, ProcessPlaces
from flask_api.streams.wire import EndReason, end_frame, event_frame, frame
from shared.settings import ApiSettings

JOB = "0199d0a2-7e1c-7bb0-8f6e-3b1d7f0a5c11"


def an_event(number: int, *, data: str = "{}") -> Event:
    """Return the event at position ``number-0``."""
    return Event(
        position=Position(number, 0),
        kind="status",
        job=JOB,
        batch=None,
        ends_a_job=False,
        data=data,
    )


def read(**fields: str) -> Event:
    """Return the event of one entry."""
    (event,) = _events([("7-1", fields)])
    return event


def test_positions_compare_by_number_not_by_text() -> None:
    """As Redis compares them."""
    texts = ["9-0", "10-0", "10-2", "10-10"]
    assert sorted(map(Position.parse, reversed(texts))) == [Position.parse(text) for text in texts]
    assert [str(Position.parse(text)) for text in texts] == texts


@pytest.mark.parametrize(
    "text", ["", "1", "-1", "1-", "-1-1", "1-1-1", "a-b", " 1-1", "1-1\n", f"{2**64}-0", "٣-0"]
)
def test_text_that_is_no_position_is_refused(text: str) -> None:
    """Nothing reaches Redis that it would refuse, or read as something else."""
    with pytest.raises(ValueError, match="not a position"):
        Position.parse(text)


def test_entry_of_a_job_becomes_an_event_in_one_line() -> None:
    """Its job comes first, its kind is left out, log lines are objects; text stays as it was."""
    event = read(
        job=JOB,
        event='{"event":"report","progress":null,"log":["{\\"message\\":\\"a\\\\nb \\u00e9\\"}"]}',
    )
    assert (event.kind, event.job, event.batch, event.ends_a_job) == ("report", JOB, None, False)
    assert event.data == f'{{"job":"{JOB}"' + r',"progress":null,"log":[{"message":"a\nb \u00e9"}]}'


@pytest.mark.parametrize(
    ("status", "ends"),
    [("queued", False), ("running", False), ("succeeded", True), ("cancelled", True)],
)
def test_outcome_is_known_as_one(status: str, ends: bool) -> None:
    """It may be the last event of its job."""
    event = read(job=JOB, event=f'{{"event":"status","status":"{status}","batch":"b"}}')
    assert (event.ends_a_job, event.batch) == (ends, "b")


WRONG: list[dict[str, str]] = [
    {},
    {"event": ""},
    {"event": "[]"},
    {"event": "1"},
    {"event": "{}"},
    {"event": '{"event":"x","log":["no"]}'},
]


@pytest.mark.parametrize("fields", WRONG)
def test_entry_that_is_not_the_engines_concerns_nobody(fields: dict[str, str]) -> None:
    """It is passed over: one odd entry must not stop everybody's stream."""
    event = read(**fields)
    assert (event.kind, event.job, event.batch) == ("", None, None)


def test_frames_are_as_documented() -> None:
    """Byte by byte."""
    assert event_frame(an_event(5, data='{"a":1}')) == b'id: 5-0\nevent: status\ndata: {"a":1}\n\n'
    assert frame("ready", "{}", retry_ms=2000) == b"retry: 2000\nevent: ready\ndata: {}\n\n"
    assert end_frame(EndReason.STOPPING) == b'event: end\ndata: {"reason":"stopping"}\n\n'


def test_places_are_bounded_for_all_and_for_each() -> None:
    """What is given back can be taken again."""
    places = Places(limit=3, limit_each=2)
    assert [places.take(person) for person in ("a", "a", "a", "b", "c")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    places.free("b")
    assert not places.take("a")
    assert places.take("c")


@pytest.mark.parametrize(("limit", "each"), [(0, 0), (1, 1), (2, 1), (8, 4)])
def test_smallest_limits_of_threads_make_sense(limit: int, each: int) -> None:
    """One place may be anybody's; none is nobody's; who parks has places of another kind."""
    secrets = ("x" * 32,)
    places = ProcessPlaces.of(ApiSettings(session_secrets=secrets, max_streams=limit))
    in_threads = places.for_stream(can_park=False)
    assert [in_threads.take("a") for _ in range(each + 1)] == [True] * each + [False]
    assert places.for_stream(can_park=True).take("a") is bool(limit)


def channel_with(events: list[Event]) -> Channel:
    """Return a channel that begins at 0-0 and holds these."""
    channel = Channel(Position(0, 0))
    channel.add(events)
    return channel


def positions(events: list[Event] | None) -> list[int]:
    """Return the numbers that the events were made with."""
    return [event.position.milliseconds for event in events or []]


def test_channel_gives_pages_in_order_from_anywhere() -> None:
    """From its start, from between two events, from its end."""
    channel = channel_with([an_event(number) for number in range(1, 300)])
    assert positions(channel.after(Position(0, 0))) == list(range(1, PAGE + 1))
    assert positions(channel.after(Position(297, 5))) == [298, 299]
    assert channel.after(Position(299, 0)) == []


def test_channel_takes_nothing_twice() -> None:
    """What a reader that began earlier brings again is passed over."""
    channel = channel_with([an_event(1), an_event(2)])
    channel.add([an_event(1), an_event(2), an_event(3)])
    assert positions(channel.after(Position(0, 0))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("count", "size"),
    [(3 * _HELD_EVENTS, 2), (30, _HELD_CHARACTERS // 10), (1, 2 * _HELD_CHARACTERS)],
)
def test_channel_is_bounded_in_events_and_size(count: int, size: int) -> None:
    """The oldest go; ``start`` says from where it is whole."""
    channel = channel_with([an_event(number, data="x" * size) for number in range(1, count + 1)])
    held = channel.after(channel.start) or []
    assert channel.last == Position(count, 0)
    assert sum(len(event.data) for event in channel._events) <= _HELD_CHARACTERS
    assert len(channel._events) <= _HELD_EVENTS
    assert positions(held[:1]) in ([channel.start.milliseconds + 1], [])


def test_channel_that_begins_anew_holds_nothing() -> None:
    """And never goes back."""
    channel = channel_with([an_event(5)])
    channel.begin_anew(Position(3, 0))
    assert (channel.start, channel.last) == (Position(5, 0), Position(5, 0))
    assert channel.after(Position(0, 0)) is None
    assert channel.after(Position(5, 0)) == []
