"""Random tables as bytes, written in many ways and damaged now and then,
with what each of their lines says.

Hypothesis draws what a table is made of, so that it can make a failing one small; the cells come
from a seed, so that a table costs a millisecond.
"""

import csv
import random
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import takewhile
from typing import Any

from hypothesis import strategies as st

from tests.integration.tables.random.random_cells import KINDS, Cell, empty

# tables to read, no secrets
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254",
    "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
_HEADS = ("id", "name", "town", "price", "on", "note", "code", "when")
DAMAGES = ("cut line", "open quote", "stray byte", "more cells", "lone quote", "nothing")
_THREE_DECIMALS = re.compile(r"-?[1-9][0-9]{0,2}[.][0-9]{3}")
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to write tables."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""  # the quote is doubled
    quotes_all: bool = False
    ends: tuple[str, ...] = ("\n",)
    above: tuple[str, ...] = ()
    header: str = "full"  # or none, short (without a name for the first column)
    ends_with_delimiter: bool = False
    blank: str = ""  # before what is quoted
    must_be_given: bool = False


WAYS: dict[str, Way] = {
    "commas": Way(),
    "semicolons": Way(delimiter=";", ends=("\r\n",)),
    "tabs": Way(delimiter="\t", quote=""),
    "pipes": Way(delimiter="|"),
    "quotes everywhere": Way(quotes_all=True, ends=("\r\n",)),
    "single quotes": Way(quote="'", quotes_all=True),
    "backslashes": Way(escape="\\"),
    "blanks before quotes": Way(blank=" "),
    "old line ends": Way(ends=("\r",)),
    "mixed line ends": Way(ends=("\n", "\r\n", "\r")),
    "sep=": Way(delimiter=";", above=("sep=;",), ends=("\r\n",)),
    "title": Way(above=("Report of sales", "")),
    "no header": Way(header="none"),
    "row names": Way(header="short", quotes_all=True),
    "delimiters at the end": Way(delimiter=";", ends_with_delimiter=True),
    "colons": Way(delimiter=":", must_be_given=True),
    "blanks": Way(delimiter=" ", must_be_given=True),
}
# one column or two don't tell a title from names, or that one is missing
NARROW = sorted({*WAYS} - {"title", "row names"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row as it was written from a line on. ``also`` are other cells that it may be read as after
    it was damaged."""

    number: int
    cells: tuple[Cell, ...]
    is_damaged: bool = False
    also: tuple[tuple[str, ...], ...] = ()


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
        tuple(_written(cell, way, table.encoding) for cell in row)
        for row in zip(*columns, strict=True)
    ]
    writer = _Writer(way, table.encoding, chance)
    for above in way.above:
        writer.add(above)
    if way.header != "none":
        names = [Cell(name, name) for name in table.names]
        writer.add(_row(names[1:] if way.header == "short" else names, way))
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


def _written(cell: Cell, way: Way, encoding: str) -> Cell:
    """Return the cell as this way of writing and this encoding can say it."""
    text = cell.text.encode(encoding, "ignore").decode(encoding)
    if not way.quote:
        text = LINE_END.sub("/", text.replace(way.delimiter, "/"))
    if way.escape:
        text = text.replace("\\", "/")
    return cell if text == cell.text else Cell(text, text or None)


def _row(cells: Sequence[Cell], way: Way) -> str:
    shown = way.delimiter.join(quoted(cell.text, way) for cell in cells)
    return shown + way.delimiter if way.ends_with_delimiter else shown


def quoted(text: str, way: Way) -> str:
    """Return a cell as this way writes it."""
    marks = (way.delimiter, way.quote, "\r", "\n")
    if not way.quote or not (way.quotes_all or any(mark in text for mark in marks)):
        return text
    return (
        way.blank
        + way.quote
        + text.replace(way.quote, (way.escape or way.quote) + way.quote)
        + way.quote
    )


class _Writer:
    """Writes lines, and notes where each begins."""

    def __init__(self, way: Way, encoding: str, chance: random.Random) -> None:
        self.lines: list[Line] = []
        self.content = "".encode(encoding)  # a mark, where the encoding has one
        self._way = way
        self._encoding = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(
            encoding, encoding
        )
        self._chance = chance
        self._number = 1
        self._last_end = ""

    def add(self, text: str) -> None:
        """Write a line that is no row."""
        self._add(text.encode(self._encoding), text)

    def _add(self, data: bytes, text: str) -> None:
        end = self._chance.choice(self._way.ends)
        if not text and self._last_end == "\r" and end == "\n":
            end = "\r"  # the two would be one end
        self._last_end = end
        self.content += data + end.encode(self._encoding)
        self._number += len(LINE_END.findall(text + end))

    def add_row(self, cells: tuple[Cell, ...], damage: str) -> None:
        """Write a row, damaged in this way."""
        if damage != "nothing":  # of a cell of many lines each may be a row then
            cells = tuple(replace(cell, text=LINE_END.sub("/", cell.text)) for cell in cells)
        text, number = _row(cells, self._way), self._number
        if damage == "nothing":
            self.lines.append(Line(number=number, cells=cells))
            self.add(text)
            return
        place = self._chance.randint(0, len(text))
        if damage == "cut line":
            text = text[:place]
        elif damage == "more cells":
            text += f"{self._way.delimiter}more"
        elif damage == "open quote":
            text = self._way.quote + text
        elif damage == "lone quote":
            text = text[:place] + self._way.quote + text[place:]
        data = text.encode(self._encoding)
        if damage == "stray byte":
            data = (
                text[:place].encode(self._encoding)
                + self._stray()
                + text[place:].encode(self._encoding)
            )
        try:
            shown = data.decode(self._encoding)
            also = _readings(shown, self._way)
        except UnicodeDecodeError:  # it has to be left out
            shown, also = "?", ()
        is_narrow = len(cells) == 1 and not self._way.ends_with_delimiter
        if is_narrow or shown.strip(f" {self._way.quote}"):  # else it is an empty line
            self.lines.append(Line(number=number, cells=cells, is_damaged=True, also=also))
        self._add(data, text)

    def _stray(self) -> bytes:
        """Return a byte that does not belong there; in encodings of two or four bytes, so many."""
        strays = {
            "utf-16-le": b"\x00\xd8",
            "utf-16-be": b"\xd8\x00",
            "utf-32-le": b"\xff\xff\xff\xff",
        }
        return strays.get(self._encoding) or self._chance.choice(
            [b"\xff", b"\x80", b"\xc3", b"\x01", b"\x00"]
        )


def _readings(text: str, way: Way) -> tuple[tuple[str, ...], ...]:
    """Return what a damaged line may be read as: quotes are quotes, or just text."""
    found = [tuple(text.split(way.delimiter)), (text,)]
    marks: dict[str, Any] = {"delimiter": way.delimiter, "quotechar": way.quote or None}
    if way.escape:
        marks |= {"escapechar": way.escape, "doublequote": False}
    for drops_blanks in (False, True) if way.blank else (False,) if way.quote else ():
        with suppress(csv.Error):
            rows = csv.reader([text], strict=True, skipinitialspace=drops_blanks, **marks)
            found += [tuple(cells) for cells in rows]
    return tuple(found)
