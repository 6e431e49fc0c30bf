"""Dates as feeds write them: read strictly, or not at all.
A guess would be a date that nobody wrote.

Read are RFC 3339 and its ISO 8601 relatives (``2016-06-29``, ``20160629T150741Z``, ``2016/6/29
15:07:41``), RFC 822 (with two-digit years, without seconds, without blanks, with long names) and
C's asctime. What has no zone is read as UTC, and ``has_zone`` says so. Days without a year, weeks,
seconds since 1970 and ``03/04/2016`` are no dates here: more than one reading fits, or none.
Source: RFC 822, 5; RFC 2822, 4.3 (years, zones); RFC 3339, 5.6.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

MAX_DATE = 100
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = {
    name[:length]: number
    for number, name in enumerate(_MONTHS, start=1)
    for length in (3, 4, len(name))
}
_AMERICAN = {"edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8}
_HOURS = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, **_AMERICAN}
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?"
)
_ZONE = r"(?: ?(?P<zone>[A-Za-z]{1,3}|(?:GMT|UTC)?[+-]\d{2}:?\d{2}|[+-]\d{2}))?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}[,.]? ?)?"
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"(?P<year>\d{{4}})(?P<sep>[-/])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}})(?:[T "
        rf"]{_CLOCK}{_ZONE})?",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:T(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})"
        r"(?P<zone>Z|[+-]\d{4})?)",
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})[ -]?(?P<name>[a-z]{{3,9}})\.?[ "
        rf"-]?(?P<year>\d{{4}}|\d{{2}})(?: {_CLOCK}{_ZONE})?",
        rf"{_WEEKDAY}(?P<name>[a-z]{{3,9}}) (?P<day>\d{{1,2}}) {_CLOCK}{_ZONE} (?P<year>\d{{4}})",
    )
)


@dataclass(frozen=True, slots=True)
class FeedDate:
    """A moment in UTC, and whether its text said in which zone it is."""

    at: datetime
    has_zone: bool


def parse_date(text: str) -> FeedDate | None:
    """Return the moment that a text says, None unless it says exactly one."""
    if len(text) > MAX_DATE:
        return None
    words = " ".join(text.split())
    for form in _FORMS:
        if found := form.fullmatch(words):
            return _moment(found.groupdict())
    return None


def _moment(parts: dict[str, str | None]) -> FeedDate | None:
    name = parts.get("name")
    month = int(parts["month"] or 0) if name is None else _MONTH.get(name.lower(), 0)
    zone = parts.get("zone")
    offset = timezone(timedelta(0)) if not zone else _offset(zone.lower())
    if offset is None:
        return None
    second = int(parts.get("second") or 0)
    fraction = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
    try:
        day = datetime(_year(parts["year"] or ""), month, int(parts["day"] or 0), tzinfo=offset)
        clock = day.replace(
            hour=int(parts.get("hour") or 0),
            minute=int(parts.get("minute") or 0),
            microsecond=fraction,
        )
        at = (clock + timedelta(seconds=second)).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February, the hour 25
        return None
    return FeedDate(at, zone is not None) if second <= 60 else None  # 60: a leap second


def _year(text: str) -> int:
    if len(text) > 2:
        return int(text)
    return int(text) + (2000 if int(text) < 50 else 1900)


def _offset(zone: str) -> timezone | None:
    """Return a zone's distance from UTC, None for letters that say none (``IST`` is Indian, Irish
    and Israeli)."""
    if zone in _HOURS:
        return timezone(timedelta(hours=_HOURS[zone]))
    digits = zone.removeprefix("gmt").removeprefix("utc").replace(":", "")
    if digits[:1] not in ("+", "-"):
        return None
    hours, minutes = int(digits[1:3]), int(digits[3:5] or 0)
    if hours > 23 or minutes > 59:
        return None
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if digits[0] == "-" else 1))
