"""The ways to read a column's cells as something else than text,
and what proves that nothing is lost by it.

A reading is a kind of value, the SQL that makes the value out of a cell, and the SQL that is true
only for a cell that its value says whole: written again it is the cell again, up to the
normalisations that docs/tables.md lists (zeros at the end of a fraction, marks between thousands,
an exponent, blanks around). Nothing here decides; see columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flask_api.tasks.tables.cells.types import Kind, kind_of
from flask_api.tasks.tables.database import literal

Decimal = Literal[".", ","]
# Where several readings fit, the usual one is taken and the others are said; a rival is only said.
Standing = Literal["usual", "rival"]

# No cell that is longer can be anything but text.
LONGEST = 64
_BLANKS = " \u00a0\u2009\u202f'\u2019"  # the last two as the Swiss do

_POINT = r"-?(?:(?:0|[1-9][0-9]*)(?:[.][0-9]+)?|[.][0-9]+)"
_EXPONENT = rf"{_POINT}[eE][+-]?[0-9]{{1,3}}"
# 12E3 is a part number, or the beginning of a hash, as often as a number;
# what programs write has a sign or a point.
_SURE_EXPONENT = rf"(?:{_POINT}[eE][+-]|-?[0-9]*[.][0-9]+[eE])[0-9]{{1,3}}"
_INFINITE = r"[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
_TRUE_AND_FALSE = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"))
# Up to 15 digits a DOUBLE gives back as they were; of more it must be asked for each cell.
_SURELY_EXACT = 15
_SAME_DIGITS = (
    "coalesce(regexp_full_match({0}, '-?[0-9]{0,19}([.][0-9]{1,19})?') AND TRY_CAST({0} AS "
    "DECIMAL(38, 19))"
    " = TRY_CAST(CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) AS DECIMAL(38, 19)), false)"
)
_EXACT = f"CASE WHEN length({{0}}) <= {_SURELY_EXACT} THEN true ELSE {_SAME_DIGITS} END"
_EXACT_EXPONENT = (
    f"length(split_part(lower({{0}}), 'e', 1)) <= {_SURELY_EXACT + 1} AND CASE WHEN TRY_CAST({{0}} "
    "AS DOUBLE) = 0"
    " THEN regexp_full_match({0}, '-?[0.]+[eE].*') ELSE coalesce(abs(TRY_CAST({0} AS DOUBLE)) "
    "BETWEEN 1e-290 AND 1.7e308"
    " OR CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) = lower({0}), false) END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read cells. ``{0}`` in its SQL is a cell that is not null;
    :meth:`fits` is never null then."""

    sql_type: str
    rule: str  # as a summary says it
    pattern: str  # what every cell that fits looks like, for RE2 and for Python
    value_sql: str
    fits_sql: str
    argument: str = ""  # what chooses it where several fit: "dates=dmy"
    sides: tuple[str, str] | None = None  # of which both must occur in the column
    standing: Standing | None = None

    @property
    def kind(self) -> Kind:
        """What the values are."""
        return kind_of(self.sql_type)

    def value(self, cell: str) -> str:
        """Return the SQL of a cell's value."""
        return self.value_sql.replace("{0}", cell)

    def fits(self, cell: str) -> str:
        """Return the SQL that is true for a cell that this reading takes nothing from."""
        return self.fits_sql.replace("{0}", cell)


INTEGER = Reading(
    sql_type="BIGINT",
    rule="integer",
    pattern=r"0|-?[1-9][0-9]{0,18}",
    value_sql="TRY_CAST({0} AS BIGINT)",
    fits_sql="coalesce(CAST(TRY_CAST({0} AS BIGINT) AS VARCHAR) = {0}, false)",
)


def _number(exponent: str, standing: Standing | None) -> Reading:
    return Reading(
        sql_type="DOUBLE",
        rule="number with a decimal point",
        pattern=f"{_POINT}|{exponent}|{_INFINITE}",
        value_sql="TRY_CAST({0} AS DOUBLE)",
        fits_sql=(
            f"CASE WHEN regexp_full_match({{0}}, '{_POINT}') THEN {_EXACT}"
            f" WHEN regexp_full_match({{0}}, '{exponent}') THEN {_EXACT_EXPONENT}"
            f" ELSE regexp_full_match({{0}}, '{_INFINITE}') END"
        ),
        argument="decimal=.",
        standing=standing,
    )


NUMBER = _number(_SURE_EXPONENT, "usual")


def booleans() -> Iterator[Reading]:
    """Yield a reading for each pair of words: one writing for true and one for false,
    so that the letters are known."""
    for true, false in (
        (spell(yes), spell(no))
        for yes, no in _TRUE_AND_FALSE
        for spell in (str, str.capitalize, str.upper)
    ):
        if (true, false) in (("t", "f"), ("y", "n")) or len(true) > 1 or true.isupper():
            yield Reading(
                sql_type="BOOLEAN",
                rule=f"boolean: {true} or {false}",
                pattern=f"{true}|{false}",
                value_sql=f"({{0}} = '{true}')",
                fits_sql=f"{{0}} IN ('{true}', '{false}')",
                sides=None if true.casefold() == "true" else (true, false),
            )


def numbers(decimal: Decimal | None) -> Iterator[Reading]:
    """Yield what an integer and a number may look like;
    ``decimal`` leaves those with this mark before the fraction."""
    yield INTEGER
    yield _grouped_integer(_BLANKS, decimal or ".", "blanks", argument="")
    if decimal != ",":
        yield _grouped_integer(",", ".", "commas", argument="decimal=.")
        yield _number(_EXPONENT, None) if decimal else NUMBER
        yield _grouped(",", ".", "thousands set apart by commas")
        yield _grouped(_BLANKS, ".", "thousands set apart by blanks")
        if not decimal:
            yield _number(_EXPONENT, "rival")
    if decimal != ".":
        yield _grouped_integer(".", ",", "points", argument="decimal=,")
        yield _with_comma()
        yield _grouped(".", ",", "thousands set apart by points")
        yield _grouped(_BLANKS, ",", "thousands set apart by blanks")


def _with_comma() -> Reading:
    text = "replace({0}, ',', '.')"
    return _checked(
        "DOUBLE",
        "number with a decimal comma",
        "-?(?:0|[1-9][0-9]*)(?:,[0-9]+)?",
        text,
        _EXACT.replace("{0}", text),
        "decimal=,",
    )


def _grouped(marks: str, fraction: str, rule: str) -> Reading:
    name = "comma" if fraction == "," else "point"
    text = _ungrouped(marks, fraction)
    pattern = rf"(?:{_groups(marks)}|-?(?:0|[1-9][0-9]{{0,2}}))(?:[{fraction}][0-9]+)?"
    return _checked(
        "DOUBLE",
        f"number with a decimal {name}, {rule}",
        pattern,
        text,
        _EXACT.replace("{0}", text),
        f"decimal={fraction}",
    )


def _grouped_integer(marks: str, fraction: str, name: str, *, argument: str) -> Reading:
    text = _ungrouped(marks, fraction)
    pattern = rf"{_groups(marks)}|0|-?[1-9][0-9]{{0,2}}"
    rule = f"integer, thousands set apart by {name}"
    return _checked(
        "BIGINT", rule, pattern, text, f"TRY_CAST({text} AS BIGINT) IS NOT NULL", argument
    )


def _groups(marks: str) -> str:
    """Return the pattern of 1.234.567, with one mark throughout."""
    return "|".join(rf"-?[1-9][0-9]{{0,2}}(?:[{mark}][0-9]{{3}})+" for mark in marks)


def _ungrouped(marks: str, fraction: str) -> str:
    return f"replace(translate({{0}}, {literal(marks)}, ''), {literal(fraction)}, '.')"


def _checked(
    sql_type: str, rule: str, pattern: str, text: str, check: str, argument: str
) -> Reading:
    return Reading(
        sql_type=sql_type,
        rule=rule,
        pattern=pattern,
        value_sql=f"TRY_CAST({text} AS {sql_type})",
        fits_sql=f"CASE WHEN regexp_full_match({{0}}, {literal(pattern)}) THEN {check} ELSE false "
        "END",
        argument=argument,
    )
