"""From the text of a table, as spreadsheets copy and save it, to rows of cells.

It is bounded before it is read. The first line names the columns; a tab, a semicolon or a comma
parts them, whichever the first line has most of. A cell in double quotes may hold all of these.
"""

import csv
import io
from dataclasses import dataclass

from django.utils.translation import gettext as _

from django_site.work.shown import number

MOST_BYTES = 400_000
MOST_ROWS = 2_000
MOST_COLUMNS = 100
LONGEST_CELL = 100_000
_DELIMITERS = "\t;,"


class NotATable(Exception):
    """The text is no table that can be used; its words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: the names of its columns, and its rows with the number of each, counted from 1."""

    columns: list[str]
    rows: list[tuple[int, list[str]]]


def read_table(text: str) -> Table:
    """Return the table of a text. Lines without any cell are left out. Raises NotATable."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise NotATable(
            _("It has more than %(most)s kB. Send it in parts.") % {"most": MOST_BYTES // 1000}
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    # Lines end where a spreadsheet ends them, not at every sign that Unicode calls a separator.
    # Strict: a quote that is never closed would take all the rest for one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[list[str]] = []
    try:
        for line in reader:
            # csv's own limit is the whole process's, and another may have set it
            if any(len(cell) > LONGEST_CELL for cell in line):
                words = _("A cell has more than %(most)s characters.")
                raise NotATable(words % {"most": number(LONGEST_CELL)})
            if any(cell.strip() for cell in line):
                lines.append(line)
            if len(lines) > MOST_ROWS + 1:
                words = _("It has more than %(most)s rows. Send it in parts.")
                raise NotATable(words % {"most": number(MOST_ROWS)})
    except csv.Error as error:
        words = _("Line %(number)s can't be read: %(reason)s.")
        raise NotATable(words % {"number": reader.line_num, "reason": error}) from None
    if len(lines) < 2:
        raise NotATable(_("It needs a line with the names of the columns, and a row below it."))
    columns = [name.strip() for name in lines[0]]
    if len(columns) > MOST_COLUMNS:
        raise NotATable(_("It has more than %(most)s columns.") % {"most": MOST_COLUMNS})
    return Table(columns=columns, rows=list(enumerate(lines[1:], start=1)))
