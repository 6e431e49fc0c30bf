"""No number is changed or guessed without a word: digits, notations of thousands and decimals."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.tables.table_bench import beside, check

DIGITS: list[tuple[list[str], str, list[Any]]] = [
    (["1234567890123456789", "NaN"], "integer", ["1234567890123456789", None]),
    (["1234567890123456789", "1.5"], "text", ["1234567890123456789", "1.5"]),
    (["1234567890123456789", "1e3"], "text", ["1234567890123456789", "1e3"]),
    (["9007199254740993", "0.5"], "text", ["9007199254740993", "0.5"]),
    (
        ["9007199254740993", "-9007199254740993"],
        "integer",
        ["9007199254740993", "-9007199254740993"],
    ),
    (["9223372036854775808", "1"], "text", ["9223372036854775808", "1"]),
    (["0.12345678901234567890", "1"], "text", ["0.12345678901234567890", "1"]),
    (["0.30000000000000004", "1"], "number", [0.30000000000000004, 1.0]),
    (["1e400", "1"], "text", ["1e400", "1"]),
    (["1e-400", "1"], "text", ["1e-400", "1"]),
    (["6.02e23", "-1.5E-7", ".5"], "number", [6.02e23, -1.5e-7, 0.5]),
    (["+4930123", "+4930124"], "text", ["+4930123", "+4930124"]),
    (["1_000", "2_000"], "text", ["1_000", "2_000"]),
    (["0x1f", "0x20"], "text", ["0x1f", "0x20"]),
    (["-0", "1"], "number", [-0.0, 1.0]),
    (["inf", "-inf", "2.5"], "number", [None, None, 2.5]),
    (["12.50", "0.00"], "number", [12.5, 0.0]),
    (["1.", "2."], "text", ["1.", "2."]),
    (["5%", "6%"], "text", ["5%", "6%"]),
    (["007", "12"], "text", ["007", "12"]),
    (["1" * 60_000, "1"], "text", ["1" * 999 + "\u2026", "1"]),
]


def test_no_digit_is_lost(tmp_path: Path) -> None:
    """A number that a DOUBLE doesn't hold makes its column text;
    an integer beyond 2**53 is text in JSON."""
    check(beside([cells for cells, *_ in DIGITS], tmp_path), DIGITS)


NUMBERS: list[tuple[list[str], str, list[Any]]] = [
    (["1,5", "2,25"], "number", [1.5, 2.25]),
    (["1.234,56", "7,00"], "number", [1234.56, 7.0]),
    (["1.234.567", "8"], "integer", [1234567, 8]),
    (["1 234", "12"], "integer", [1234, 12]),
    (["1\u00a0234,5", "12"], "number", [1234.5, 12.0]),
    (["1'234.50", "12"], "number", [1234.5, 12.0]),
    (["1,234.50", "12"], "number", [1234.5, 12.0]),
    (["1,234,567", "12"], "integer", [1234567, 12]),
    (["1,5", "1.5"], "text", ["1,5", "1.5"]),
    (["12 34", "5"], "text", ["12 34", "5"]),
    (["01 234", "5"], "text", ["01 234", "5"]),
    (["9.007.199.254.740.993", "1"], "integer", ["9007199254740993", 1]),
    (["9.007.199.254.740.993,5", "1"], "text", ["9.007.199.254.740.993,5", "1"]),
]


def test_decimal_comma_and_thousands_are_read_when_the_whole_column_agrees(tmp_path: Path) -> None:
    """With points, blanks and apostrophes between thousands; never two notations in one column."""
    check(beside([cells for cells, *_ in NUMBERS], tmp_path), NUMBERS)


POINTS, COMMAS = ["1.234", "5.678"], ["1,234", "5,678"]


@pytest.mark.parametrize(
    ("decimal", "cases"),
    [
        (None, [(POINTS, "number", [1.234, 5.678]), (COMMAS, "text", COMMAS)]),
        (",", [(POINTS, "integer", [1234, 5678]), (COMMAS, "number", [1.234, 5.678])]),
        (".", [(POINTS, "number", [1.234, 5.678]), (COMMAS, "integer", [1234, 5678])]),
    ],
)
def test_mark_that_may_be_decimal_or_between_thousands_is_said(
    tmp_path: Path, decimal: str | None, cases: list[tuple[list[str], str, list[Any]]]
) -> None:
    """Both readings are named in the summary; ``decimal`` decides."""
    parsed = beside([POINTS, COMMAS], tmp_path, decimal=decimal)
    check(parsed, cases)
    for name in ("a0", "a1"):
        assert sorted(parsed.read_as(name)["ambiguous"]) == (
            [] if decimal else ["decimal=,", "decimal=."]
        )
