"""The job as a value: its id, its stored fields, its times."""

import itertools
import json
import math
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.jobs.records.job import (
    SUMMARY_FIELDS,
    Job,
    JobStatus,
    Owner,
    encode_field,
    format_time,
    from_fields,
    json_text,
    to_fields,
)
from shared.clock import JOBS_CLOCK
from shared.job_ids import new_job_id

texts = st.text(max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def nested(levels: int) -> list[object]:
    """Return an array in an array, and so on."""
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


objects = st.dictionaries(texts, json_values, max_size=4)
moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001  # hypothesis wants them naive
    max_value=datetime(2999, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
jobs = st.builds(
    Job,
    id=st.uuids().map(str),
    task=texts,
    arguments=objects.map(json_text),
    executor=texts,
    owner=st.builds(Owner, id=texts, username=texts),
    submitted_at=moments,
    status=st.sampled_from(JobStatus),
    batch=st.none() | texts,
    attempt=st.integers(0, 1000),
    max_attempts=st.integers(1, 1000),
    attempts=st.lists(objects, max_size=3),
    files=st.lists(objects, max_size=3),
    position=st.integers(0, 10_000),
    priority=st.integers(-1, 1),
    cancel_requested=st.booleans(),
    progress=st.none() | objects,
    result=json_values,
    error=st.none() | objects,
    start_at=st.none() | moments,
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    expires_at=st.none() | moments,
)


def test_job_id_is_a_uuid_of_version_7() -> None:
    """RFC 9562: 48 bits of milliseconds, version 7, variant 10."""
    for _ in range(200):
        before = int(JOBS_CLOCK.now() * 1000)
        job_id = uuid.UUID(new_job_id())
        after = int(JOBS_CLOCK.now() * 1000)
        assert (job_id.version, job_id.variant) == (7, uuid.RFC_4122)
        assert before <= job_id.int >> 80 <= after


def test_job_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of ids is the order of submits, to the microsecond, as text too."""
    ticks = itertools.count(1_763_629_200_000_000)
    monkeypatch.setattr(JOBS_CLOCK, "now", lambda: next(ticks) / 1_000_000)
    ids = [new_job_id() for _ in range(500)]
    assert ids == sorted(ids)


def test_job_id_holds_the_time_that_it_is_given() -> None:
    """A submit has one time, which its job's id and record both tell."""
    assert uuid.UUID(new_job_id(1_763_629_200.125)).int >> 80 == 1_763_629_200_125


def test_job_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """62 bits are random: every one of them is seen both set and clear, and no id comes twice."""
    monkeypatch.setattr(JOBS_CLOCK, "now", lambda: 1_763_629_200.0)
    ids = [uuid.UUID(new_job_id()).int for _ in range(500)]
    assert len(set(ids)) == 500
    ever_set, always_set = 0, (1 << 128) - 1
    for each in ids:
        ever_set |= each
        always_set &= each
    assert (ever_set & ~always_set).bit_count() == 62


@given(jobs)
def test_any_job_comes_back_from_its_fields(job: Job) -> None:
    """What is stored is what was submitted; every stored value is text."""
    stored = to_fields(job)
    assert all(isinstance(value, str) for value in stored.values())
    assert from_fields(job.id, stored) == job


def test_fields_of_a_newer_version_are_ignored() -> None:
    """A record that another version wrote, with its holder and more, is read."""
    job = Job(
        id="1",
        task="a.b",
        arguments="{}",
        executor="threads",
        owner=Owner(id="7", username="ada"),
        submitted_at=datetime.now(UTC),
    )
    job = from_fields("1", to_fields(job))
    assert from_fields("1", {**to_fields(job), "holder": "instance:1", "colour": "red"}) == job


def test_summary_leaves_out_the_result_only() -> None:
    """A page of a listing carries no results, and all else that a record has."""
    stored = to_fields(
        Job(
            id="1",
            task="a.b",
            arguments="{}",
            executor="threads",
            owner=Owner(id="7", username="ada"),
            submitted_at=datetime.now(UTC),
            batch="b",
            position=3,
            priority=1,
            cancel_requested=True,
            progress={},
            result=1,
            error={},
            attempts=[{}],
            files=[{}],
            start_at=datetime.now(UTC),
            started_at=datetime.now(UTC),
            finished_at=datetime.now(UTC),
            expires_at=datetime.now(UTC),
        )
    )
    assert set(stored) - set(SUMMARY_FIELDS) == {"result"}
    assert set(SUMMARY_FIELDS) <= set(stored)


def test_stub_of_an_expired_job_is_read() -> None:
    """What the sweeper leaves is enough to say whose it was and that its time is over."""
    job = Job(
        id="1",
        task="a.b",
        arguments='{"n":1}',
        executor="threads",
        owner=Owner(id="7", username="ada"),
        submitted_at=datetime.now(UTC),
    )
    stored = to_fields(job)
    del stored["arguments"]
    assert from_fields("1", stored).owner == job.owner


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_number_that_json_has_not_is_refused(value: object) -> None:
    """What other readers of JSON would choke on is never stored."""
    for name in ("result", "progress"):
        with pytest.raises(ValueError, match="JSON compliant"):
            encode_field(name, {"text": "é", "value": value})


def test_number_that_nobody_could_read_again_is_refused() -> None:
    """Python reads 4,300 digits: a record with more could be written, and never shown."""
    assert json.loads(json_text([10**4299])) == [10**4299]
    with pytest.raises(ValueError, match="4300 digits"):
        json_text([10**4300])


@pytest.mark.parametrize("text", ["Infinity 漢", "NaN é", "é" * 5000])
def test_text_is_written_as_it_is(text: str) -> None:
    """A word that looks like a number that JSON has not, or a long text,
    takes no more room than another."""
    assert json_text(text) == f'"{text}"'


@given(
    value=json_values
    | st.sampled_from([{"text": "NaN and Infinity"}, "half a character: \ud800", nested(300)])
)
def test_data_is_written_as_json(value: object) -> None:
    """Whatever writes it, it is the same JSON."""
    assert json.loads(json_text(value)) == value


@pytest.mark.parametrize("value", [object(), [b"\xff"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    """An object of some class, bytes that are no text."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_text(value)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 20, 9, 30, 0, 125_999, UTC), "2026-11-20T09:30:00.125Z"),
        (datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "2026-11-20T09:30:00.000Z"),
        (
            datetime(2026, 11, 20, 1, 0, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-19T23:00:00.000Z",
        ),
    ],
)
def test_time_is_written_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    """One form for every time, so that times sort as text."""
    assert format_time(moment) == text


def test_outcomes_are_the_three_final_states() -> None:
    """Queued and running jobs can still change."""
    assert {status.value for status in JobStatus if status.is_outcome} == {
        "succeeded",
        "failed",
        "cancelled",
    }
