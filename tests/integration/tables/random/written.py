"""How a table is written, line by line, and what each of its lines may be read as."""

import csv
import random
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tests.integration.tables.random.random_cells import Cell

# tables to read, no secrets
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254",
    "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
DAMAGES = ("cut line", "open quote", "stray byte", "more cells", "lone quote", "nothing")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row as it was written from a line on. ``also`` are other cells that it may be read as after
    it was damaged."""

    number: int
    cells: tuple[Cell, ...]
    is_damaged: bool = False
    also: tuple[tuple[str, ...], ...] = ()


def written(cell: Cell, way: Way, encoding: str) -> Cell:
    """Return the cell as this way of writing and this encoding can say it."""
    text = cell.text.encode(encoding, "ignore").decode(encoding)
    if not way.quote:
        text = LINE_END.sub("/", text.replace(way.delimiter, "/"))
    if way.escape:
        text = text.replace("\\", "/")
    return cell if text == cell.text else Cell(text, text or None)


def row_of(cells: Sequence[Cell], way: Way) -> str:
    """Return the cells as one line of this way of writing."""
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


class Writer:
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
        text, number = row_of(cells, self._way), self._number
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
            also = readings(shown, self._way)
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


def readings(text: str, way: Way) -> tuple[tuple[str, ...], ...]:
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
