"""What is in a column: how many cells are empty, the range,
and of numbers the spread and a histogram.

Two questions for every few columns: first the ranges, then what needs them. Counts of different
values and quartiles are estimates (HyperLogLog, t-digest), for they need no memory to speak of.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_api.tasks.tables.cells.types import Cell, Kind, as_json, cell, kind_of
from flask_api.tasks.tables.columns import Decision
from flask_api.tasks.tables.database import DatabaseRow, TableDatabase, Watch, identifier

BINS = 20
_AT_ONCE = 8
_EXAMPLE_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many numbers lie between each two ``edges``:
    a number on an edge counts above it, the last edge is included."""

    edges: list[float]
    counts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The finite numbers of a column. ``deviation`` is the sample's; ``quartiles`` are estimates;
    null is not finite."""

    mean: float | None
    deviation: float | None
    quartiles: list[float | None]
    histogram: Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class HowRead:
    """What a column's cells were taken for.

    ``missing`` cells hold a word for no value, such as NA, and are null. All cells but ``others``
    of a text column could be of the kind ``mostly``.
    ``ambiguous`` names the arguments that would decide, where more than one reading fits all cells.
    """

    rule: str
    missing: int
    mostly: Kind | None
    others: int
    ambiguous: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is in a column. ``distinct`` is an estimate;
    ``lowest`` and ``highest`` are as GET .../rows has its cells."""

    read_as: HowRead
    nulls: int
    not_finite: int  # infinity: null in the rows
    distinct: int
    lowest: Cell
    highest: Cell
    numbers: Numbers | None


@dataclass(frozen=True, slots=True)
class _Column:
    name: str  # quoted
    decision: Decision

    @property
    def sql_type(self) -> str:
        return self.decision.sql_type

    @property
    def is_number(self) -> bool:
        return kind_of(self.sql_type) in (Kind.INTEGER, Kind.NUMBER)

    @property
    def finite(self) -> str:
        """What keeps nulls out, too: greatest(0, NULL) is 0."""
        test = f"isfinite({self.name})" if self.sql_type == "DOUBLE" else f"{self.name} IS NOT NULL"
        return f" FILTER ({test})"


def count_rows(path: Path, *, database: TableDatabase) -> int:
    """Return how many rows a Parquet file has."""
    ((count,),) = database.run(
        "SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata(?)", (str(path),)
    )
    return int(count)


def summarize(
    path: Path,
    names: Sequence[str],
    decisions: Sequence[Decision],
    *,
    database: TableDatabase,
    watch: Watch,
) -> Iterator[Summary]:
    """Yield a summary of each column of a Parquet file, in their order."""
    columns = [_Column(identifier(name), each) for name, each in zip(names, decisions, strict=True)]
    rows = count_rows(path, database=database)
    for first in range(0, len(columns), _AT_ONCE):
        some = columns[first : first + _AT_ONCE]
        ranges = _ask(database, path, [_range(column) for column in some], watch)
        spread = [
            (column, span)
            for column, span in zip(some, ranges, strict=True)
            if column.is_number and span[2] is not None
        ]
        spreads = iter(
            _ask(database, path, [_spread(column, span) for column, span in spread], watch)
        )
        for column, span in zip(some, ranges, strict=True):
            numbers = (
                _numbers(next(spreads), span) if column.is_number and span[2] is not None else None
            )
            present, distinct, low, high, finite = span
            yield Summary(
                read_as=_how_read(column.decision),
                nulls=rows - present,
                not_finite=present - finite,
                distinct=min(distinct, present),
                lowest=cell(low),
                highest=cell(high),
                numbers=numbers,
            )


def _how_read(decision: Decision) -> HowRead:
    return HowRead(
        rule=decision.rule,
        missing=decision.missing,
        mostly=decision.mostly,
        others=decision.others,
        ambiguous=list(decision.ambiguous),
    )


def _ask(
    database: TableDatabase, path: Path, expressions: list[list[str]], watch: Watch
) -> list[DatabaseRow]:
    """Return the values of each column's expressions, all asked for at once."""
    if not expressions:
        return []
    every = ", ".join(expression for some in expressions for expression in some)
    (answer,) = database.run(f"SELECT {every} FROM read_parquet(?)", (str(path),), watch=watch)  # noqa: S608  # quoted
    values = iter(answer)
    return [tuple(next(values) for _ in some) for some in expressions]


def _range(column: _Column) -> list[str]:
    name, finite = column.name, column.finite
    return [
        f"count({name})",
        f"approx_count_distinct({name})",
        as_json(f"min({name}){finite}", column.sql_type, longest=_EXAMPLE_LENGTH),
        as_json(f"max({name}){finite}", column.sql_type, longest=_EXAMPLE_LENGTH),
        f"count({name}){finite}",
    ]


def _spread(column: _Column, span: DatabaseRow) -> list[str]:
    number, finite = f"CAST({column.name} AS DOUBLE)", column.finite
    low, width = _bins(span)
    # Divided before they are subtracted: the difference of two large numbers may be more than a
    # number can be.
    place = (
        f"least({BINS - 1}, greatest(0, floor({number} / {width!r} - {low / width!r})))"
        if width
        else "0"
    )
    return [
        f"avg({number}){finite}",
        f"stddev_samp({number}){finite}",
        f"approx_quantile({number}, [0.25, 0.5, 0.75]){finite}",
        f"histogram({place}){finite}",
    ]


def _bins(span: DatabaseRow) -> tuple[float, float]:
    """Return the low end of the first bin and the width of each;
    no width when there is but one number, or no room."""
    low, high = float(span[2]), float(span[3])
    width = high / BINS - low / BINS
    return low, width if width and math.isfinite(low / width) and math.isfinite(
        high / width
    ) else 0.0


def _numbers(answer: DatabaseRow, span: DatabaseRow) -> Numbers:
    mean, deviation, quartiles, counts = answer
    low, width = _bins(span)
    bins = BINS if width else 1
    edges = [
        low * (1 - number / bins) + float(span[3]) * (number / bins) for number in range(bins + 1)
    ]
    found = {int(place): int(count) for place, count in counts.items()}
    return Numbers(
        mean=_finite(mean),
        deviation=_finite(deviation),
        quartiles=[_finite(each) for each in quartiles],
        histogram=Histogram(edges=edges, counts=[found.get(number, 0) for number in range(bins)]),
    )


def _finite(number: Any) -> float | None:
    return float(number) if number is not None and math.isfinite(number) else None
