"""Dates and times as people write them. Where several orders of day, month and year fit a column,
each is a reading of its own.

A two-digit year is one of 1969 to 2068 (POSIX); a year of four digits in another order than ISO
8601's is one of 1000 to 2999, or 9999, which stands for never.
With hyphens, years have four digits: two-digit ones are part numbers as often as dates.
"""

from collections.abc import Iterator
from typing import Literal

from flask_api.tasks.tables.cells.readings import Reading, Standing

DateOrder = Literal["dmy", "mdy", "ymd"]

_ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")
_WORDS = {"d": "day", "m": "month", "y": "year"}
_HOURS = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = f"{_HOURS}(?::[0-5][0-9](?:[.][0-9]{{1,6}})?)?"
_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "(?:[0-9]{1,2}:[0-5][0-9](?::[0-5][0-9])?(?: [AaPp][Mm])?)"
_CLOCK_FORMATS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")


def dates(order: DateOrder | None) -> Iterator[Reading]:
    """Yield the readings of dates and times. ``order`` is the only one to try where the year's
    place leaves a doubt."""
    yield from _iso()
    for each in (order,) if order else _ORDERS:
        for mark in "/.-":
            for digits in (4, 2):
                if _is_written(each, mark, digits, is_given=order is not None):
                    standing = None if order else _standing(each, mark, digits)
                    yield _date(each, mark, digits, standing)
                    yield _date(each, mark, digits, standing, clock=_CLOCK)


def _iso() -> Iterator[Reading]:
    yield Reading(
        sql_type="DATE",
        rule="date: year-month-day",
        pattern=_ISO_DATE,
        value_sql="TRY_CAST({0} AS DATE)",
        fits_sql="length({0}) = 10 AND coalesce(CAST(TRY_CAST({0} AS DATE) AS VARCHAR) = {0}, "
        "false)",
    )
    offset = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
    quick = (
        "length({0}) = 19 AND coalesce(CAST(TRY_CAST({0} AS TIMESTAMP) AS VARCHAR) = {0}, false)"
    )
    yield _cast("TIMESTAMP", "date and time: year-month-day", f"{_ISO_DATE}[ T]{_SECONDS}", quick)
    zoned = "date and time with an offset, shown in UTC: year-month-day"
    yield _cast("TIMESTAMP WITH TIME ZONE", zoned, f"{_ISO_DATE}[ T]{_SECONDS} ?{offset}", "false")
    yield _cast(
        "TIME",
        "time of day",
        _SECONDS,
        "length({0}) = 8 AND {0} < '24' AND coalesce(CAST(TRY_CAST({0} AS TIME) AS VARCHAR) = {0}, "
        "false)",
    )


def _cast(sql_type: str, rule: str, pattern: str, quick: str) -> Reading:
    value = f"TRY_CAST({{0}} AS {sql_type})"
    return Reading(
        sql_type=sql_type,
        rule=rule,
        pattern=pattern,
        value_sql=value,
        fits_sql=(
            f"CASE WHEN {quick} THEN true WHEN regexp_full_match({{0}}, '{pattern}') THEN {value} "
            "IS NOT NULL ELSE false END"
        ),
    )


def _is_written(order: DateOrder, mark: str, digits: int, *, is_given: bool) -> bool:
    """Tell whether people write dates so: 1.2.3 is a version and 10-20-30 a part number,
    unless their owner says otherwise."""
    if is_given:
        # that is ISO 8601's, which is tried anyway
        return not (order == "ymd" and mark == "-" and digits == 4)
    if digits == 2:
        return mark != "-"
    return not (order == "ymd" and mark == "-")


def _standing(order: DateOrder, mark: str, digits: int) -> Standing | None:
    """Between points the day comes first nearly everywhere;
    a month first there is thought of where nothing else is sure."""
    if mark != ".":
        return None
    if digits == 2:
        return "rival" if order == "mdy" else None
    return "usual" if order == "dmy" else None


def _date(
    order: DateOrder, mark: str, digits: int, standing: Standing | None, *, clock: str = ""
) -> Reading:
    is_padded = digits == 2 and mark != "/"
    day = "[0-9]{2}" if is_padded else "[0-9]{1,2}"
    year = "[0-9]{2}" if digits == 2 else "(?:[12][0-9]{3}|9999)"
    pattern = f"[{mark}]".join(year if each == "y" else day for each in order) + (
        f" {clock}" if clock else ""
    )
    shape = mark.join(f"%{each}" if each != "y" or digits == 2 else "%Y" for each in order)
    formats = ", ".join(f"'{shape} {each}'" for each in _CLOCK_FORMATS) if clock else f"'{shape}'"
    value = f"try_strptime({{0}}, [{formats}])"
    words = mark.join(_WORDS[each] for each in order)
    century = ", two-digit years from 1969 to 2068" if digits == 2 else ""
    sql_type = "TIMESTAMP" if clock else "DATE"
    return Reading(
        sql_type=sql_type,
        rule=f"{'date and time' if clock else 'date'}: {words}{century}",
        pattern=pattern,
        value_sql=f"CAST({value} AS {sql_type})",
        fits_sql=f"CASE WHEN regexp_full_match({{0}}, '{pattern}') THEN {value} IS NOT NULL ELSE "
        "false END",
        argument=f"dates={order}",
        standing=standing,
    )
