"""Dates of feeds: written in every common way and read back, or no date at all."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.tasks.web.feed.dates import FeedDate, parse_date

AT = datetime(2016, 6, 29, 15, 7, 41, tzinfo=UTC)
MIDNIGHT = datetime(2016, 6, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "has_zone"),
    [
        ("2016/6/29 15:07:41", AT, False),
        ("2016-06-29 15:07:41", AT, False),
        ("2016-06-29T15:07:41", AT, False),
        ("2016-06-29T15:07:41Z", AT, True),
        ("2016-06-29T17:07:41+02:00", AT, True),
        ("2016-06-29T17:07:41+0200", AT, True),
        ("2016-06-29T17:07:41.000 +02", AT, True),
        ("20160629T150741Z", AT, True),
        ("2016-06-29", MIDNIGHT, False),
        ("Wed, 29 Jun 2016 15:07:41 GMT", AT, True),
        ("Wed,29 Jun 2016 15:07:41GMT", AT, True),
        ("Wed, 29 Jun 2016 15:07:41", AT, False),
        ("Wednesday, 29 June 16 11:07:41 EDT", AT, True),
        ("29Jun2016 15:07:41+0000", AT, True),
        ("  29-Jun-2016\n 15:07:41 UTC+00:00 ", AT, True),
        ("Wed Jun 29 15:07:41 2016", AT, False),
        ("Wed Jun 29 15:07:41 UTC 2016", AT, True),
        ("29 Jun 2016", MIDNIGHT, False),
        ("Tue, 28 Jun 2016 23:59:60 GMT", MIDNIGHT, True),
        ("Mon, 1 Jan 99 00:00:00 Z", datetime(1999, 1, 1, tzinfo=UTC), True),
    ],
)
def test_date_is_read_as_it_is_written(text: str, at: datetime, has_zone: bool) -> None:
    """What names no zone is UTC, and says so."""
    assert parse_date(text) == FeedDate(at, has_zone)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "today",
            "1467212861",
            "1467212861000",
            "2016-W26-3",
            "2016W263",
            "2016-181",
            "2016",
            "2016-06",
            "06/29",
        ),
        *(
            "03/04/2016",
            "29/06/2016 15:07",
            "29.06.2016",
            "2016-13-01",
            "2016-02-30",
            "Mon, 31 Feb 2016 10:00 GMT",
        ),
        *(
            "2016-06-29T25:00:00Z",
            "2016-06-29T15:60:00Z",
            "2016-06-29T15:07:61Z",
            "2016-06-29T15:07:41+25:00",
        ),
        *(
            "29 Foo 2016 15:07:41",
            "29 Jun 2016 15:07:41 IST",
            "29 Jun 2016 15:07:41 A",
            "2016/06-29",
            "0000-01-01",
            "15:07:41",
        ),
        *(
            "2016-06-29T15:07:41Z and more",
            "0001-01-01T00:00:00+23:00",
            "2016-06-29" + " " * 200,
            "٢٠١٦-٠٦-٢٩",
            "Wed, 29 Jun",
        ),
    ],
)
def test_text_that_says_no_moment_for_sure_is_none(text: str) -> None:
    """Epochs, weeks, days of years, orders that are two things, days that are none:
    nothing is invented."""
    assert parse_date(text) is None


FORMS = [
    "{iso}T{clock}{colon}",
    "{iso} {clock} {plain}",
    "{iso}T{clock}.123{plain}",
    "{weekday}, {day:02} {month} {year} {clock} {plain}",
    "{weekday}, {day} {month} {year} {clock}{plain}",
    "{day} {month} {year} {clock} GMT{colon}",
    "{day}-{month}-{year} {clock} {plain}",
    "{weekday} {month} {day} {clock} {plain} {year}",
    "{year}/{number}/{day} {clock} {plain}",
]


@given(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001  # the zone is drawn
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(FORMS),
)
def test_date_that_was_written_is_read_back(moment: datetime, offset: int, form: str) -> None:
    """Every form, every zone: the moment is the one that was written."""
    at = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    plain = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    text = form.format(
        iso=f"{at.year:04}-{at.month:02}-{at.day:02}",
        clock=f"{at.hour:02}:{at.minute:02}:{at.second:02}",
        colon=f"{plain[:3]}:{plain[3:]}",
        plain=plain,
        weekday=f"{at:%a}",
        month=f"{at:%b}",
        number=at.month,
        day=at.day,
        year=at.year,
    )
    read = parse_date(text)
    assert read is not None, text
    assert (read.at.replace(microsecond=0), read.has_zone) == (at.astimezone(UTC), True)


@given(st.text("0123456789-/:TZ +.,JunWed", max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Nothing raises."""
    assert parse_date(text) is None or text.strip()
