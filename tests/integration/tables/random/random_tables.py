"""Random tables as bytes, written in many ways and damaged now and then,
with what each of their lines says.

Hypothesis draws what a table is made of, so that it can make a failing one small; the cells come
from a seed, so that a table costs a millisecond.
"""

import random
import re
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import takewhile
from typing import Any

from hypothesis import strategies as st

from tests.integration.tables.random.random_cells import KINDS, Cell, empty
from tests.integration.tables.random.written import (
    DAMAGES,
    ENCODINGS,
    WAYS,
    Line,
    Writer,
    row_of,
    written,
)

_HEADS = ("id", "name", "town", "price", "on", "note", "code", "when")
_THREE_DECIMALS = re.compile(r"-?[1-9][0-9]{0,2}[.][0-9]{3}")
# one column or two don't tell a title from names, or that one is missing
NARROW = sorted({*WAYS} - {"title", "row names"})


@dataclass(frozen=True, kw_only=True)
class RandomTable:
    """What a table is made of; ``lines`` and ``content`` follow from it."""

    kinds: tuple[str, ...]
    count: int
    way: str
    encoding: str
    seed: int
    late: tuple[tuple[int, int, str], ...] = ()  # column, row, kind
    damage: tuple[tuple[int, str], ...] = ()
    is_given: bool = False
    lines: list[Line] = field(default_factory=list, repr=False, compare=False)
    content: bytes = field(default=b"", repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(
            f"{_HEADS[number % len(_HEADS)]} {number}" for number in range(len(self.kinds))
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """What the table's owner says about it."""
        way = WAYS[self.way]
        given: dict[str, Any] = {}
        if self.is_given or way.must_be_given:
            given |= {"delimiter": way.delimiter, "has_header": way.header != "none"}
        if self.is_given:
            given |= {"encoding": self.encoding.removesuffix("-sig")}
        return given


_KINDS = st.sampled_from(sorted(KINDS))
_COLUMNS = st.lists(_KINDS, min_size=1, max_size=4)
_COUNTS = st.integers(1, 30)
_PLACE = st.integers(0, 29)  # a row, or the last one
_LATE = st.lists(st.tuples(st.integers(0, 3), _PLACE, _KINDS), max_size=3)
_DAMAGE = st.lists(st.tuples(_PLACE, st.sampled_from(DAMAGES)), max_size=2)
_WIDE_WAYS, _NARROW_WAYS = st.sampled_from(sorted(WAYS)), st.sampled_from(NARROW)
_ENCODINGS, _SEEDS, _GIVEN = st.sampled_from(ENCODINGS), st.integers(0, 2**32), st.booleans()


@st.composite
def tables(draw: st.DrawFn) -> RandomTable:
    """Draw a table of up to four columns and thirty rows."""
    kinds = tuple(draw(_COLUMNS))
    count = draw(_COUNTS)
    return made(
        RandomTable(
            kinds=kinds,
            count=count,
            way=draw(_WIDE_WAYS if len(kinds) > 2 else _NARROW_WAYS),
            encoding=draw(_ENCODINGS),
            seed=draw(_SEEDS),
            late=tuple(
                (column % len(kinds), min(row, count - 1), kind)
                for column, row, kind in draw(_LATE)
            ),
            damage=tuple((min(row, count - 1), what) for row, what in draw(_DAMAGE)),
            is_given=draw(_GIVEN),
        )
    )


def made(table: RandomTable) -> RandomTable:
    """Return the table with its lines and bytes."""
    chance = random.Random(table.seed)
    way = WAYS[table.way]
    columns = [_column(kind, table.count, chance) for kind in table.kinds]
    # a word there, below nothing but empty lines, may well be a header
    empty_rows = takewhile(
        lambda row: not any(cell.text for cell in row), zip(*columns, strict=True)
    )
    first = 1 + len(list(empty_rows)) if way.header == "none" and not table.is_given else 0
    for column, row, kind in table.late:
        cell = KINDS[kind](chance)
        others = columns[column][:row] + columns[column][row + 1 :]
        if row >= first and not any(_blur(cell, other) or _blur(other, cell) for other in others):
            columns[column][row] = cell
    rows = [
        tuple(written(cell, way, table.encoding) for cell in row)
        for row in zip(*columns, strict=True)
    ]
    writer = Writer(way, table.encoding, chance)
    for above in way.above:
        writer.add(above)
    if way.header != "none":
        names = [Cell(name, name) for name in table.names]
        writer.add(row_of(names[1:] if way.header == "short" else names, way))
    most = (table.count - 1) // 3  # so that most rows still say what the table is
    damage = dict([(row, what) for row, what in table.damage if row >= first][:most])
    quotes = [row for row, what in damage.items() if what.endswith("quote")]
    for row in quotes[1:]:  # two may be a cell of many lines, as right as any
        del damage[row]
    for number, row_cells in enumerate(rows):
        writer.add_row(row_cells, damage.get(number, "nothing"))
    return replace(table, lines=writer.lines, content=writer.content)


def _blur(one: Cell, other: Cell) -> bool:
    """Tell whether beside another cell one may as well be read otherwise: nobody could know.

    A date in another order of day and month, a decimal point as one between thousands.
    """
    if type(one.meaning) is date:
        return type(other.meaning) is date and "-" not in (one.text[4], other.text[4])
    has_three = isinstance(one.meaning, Decimal) and _THREE_DECIMALS.fullmatch(one.text)
    return bool(has_three and "," in other.text)


def _column(kind: str, count: int, chance: random.Random) -> list[Cell]:
    empties, words = chance.choice([(0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.6, 0.0)])
    cells = []
    for _ in range(count):
        number = chance.random()
        make = (
            empty
            if number < empties
            else KINDS["missing"]
            if number < empties + words
            else KINDS[kind]
        )
        cells.append(make(chance))
    return cells
