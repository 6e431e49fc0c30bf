"""What a page shows of a result: its parts, and which rows of which table a person asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from django_site.work.chart.shown_chart import picture
from django_site.work.results.tree import Node
from shared.chart import Chart

PAGE_ROWS = 100
# As what the API gives a whole table, and what people call it.
TABLE_FORMATS = (
    ("spreadsheet", gettext_lazy("CSV for a spreadsheet")),
    ("csv", gettext_lazy("CSV, as it is")),
    ("jsonl", gettext_lazy("JSON lines")),
    ("parquet", "Parquet"),
)
COLUMNS_MAX = 40
_SEARCHED_MAX, _CHOSEN_MAX, _CHOICES_MAX = 200, 100, 300


@dataclass(slots=True, kw_only=True)
class ResultColumn:
    """One column of a table, and where a click on its heading leads; ``number`` from 1."""

    name: str
    number: int = 0
    link: str = ""
    sorted: str = "none"  # aria-sort
    is_number: bool = False
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which table a person sorted, searched or paged, and how. Columns are counted from 1; none
    chosen are the first ones."""

    table: str = ""
    by: int = 0
    is_down: bool = False
    page: int = 1
    text: str = ""
    columns: frozenset[int] = frozenset()

    @classmethod
    def of(cls, query: QueryDict) -> "Wanted":
        """Read the address's query; what makes no sense is the first page, unsorted."""
        chosen = query.getlist("col")[:_CHOSEN_MAX]
        return cls(
            table=query.get("table", ""),
            by=_number_in(query.get("by", "")) or 0,
            is_down=query.get("order") == "down",
            page=_number_in(query.get("page", "")) or 1,
            text=query.get("q", "")[:_SEARCHED_MAX],
            columns=frozenset(filter(None, map(_number_in, chosen))),
        )

    def at(self, page: int) -> str:
        """Return the address of another page of the same."""
        query: dict[str, Any] = {
            "table": self.table,
            "by": self.by or "",
            "order": "down" if self.is_down else "",
            "q": self.text,
            "col": sorted(self.columns),
            "page": "" if page == 1 else page,
        }
        kept = {name: value for name, value in query.items() if value}
        return f"?{urlencode(kept, doseq=True)}#{self.table}"

    def sorted_by(self, number: int) -> str:
        """Return where a click on a column's heading leads: a second one turns it around."""
        turned = number == self.by and not self.is_down
        return replace(self, by=number, is_down=turned).at(1)

    def columns_of(self, names: Sequence[str]) -> list[ResultColumn]:
        """Return all columns of a table, those marked that are shown."""
        chosen = self.columns & set(range(1, len(names) + 1))
        return [
            ResultColumn(
                name=name,
                number=number,
                link=self.sorted_by(number) if is_shown else "",
                sorted=self._sorting(number),
                is_shown=is_shown,
            )
            for number, name in enumerate(names, start=1)
            for is_shown in (number in chosen if chosen else number <= COLUMNS_MAX,)
        ]

    def _sorting(self, number: int) -> str:
        if number != self.by:
            return "none"
        return "descending" if self.is_down else "ascending"


@dataclass(slots=True, kw_only=True)
class Shown:
    """One part of a result. ``kind``: nothing, empty, value, text, table, chart, markdown, tree or
    object.

    ``pointer`` is where a list lies in the result (RFC 6901), by which the API gives it as a file.
    """

    kind: str
    id: str = ""
    text: str = ""
    is_cut: bool = False
    members: list[tuple[str, "Shown"]] = field(default_factory=list)
    chart: Chart | None = None
    numbers: "Shown | None" = None
    tree: Node | None = None
    html: SafeString | None = None  # of Markdown
    # of a table
    pointer: str | None = None
    has_file: bool = False
    wanted: Wanted = field(default_factory=Wanted)
    every: list[ResultColumn] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    total: int = 0
    pages: int = 1
    first: int = 1

    @property
    def is_drawn(self) -> bool:
        """Whether it is a chart, or several."""
        inner = [member for _, member in self.members]
        return self.chart is not None or (bool(inner) and all(each.is_drawn for each in inner))

    @property
    def is_block(self) -> bool:
        """Whether it takes a line of its own beside other members."""
        return self.kind not in ("nothing", "empty", "value")

    @property
    def picture(self) -> str:
        """The chart's picture."""
        return "" if self.chart is None else picture(self.chart)

    @property
    def columns(self) -> list[ResultColumn]:
        """The columns that are shown."""
        return [column for column in self.every if column.is_shown]

    @property
    def choices(self) -> list[ResultColumn]:
        """The columns to choose from: of very many the first ones."""
        return self.every[:_CHOICES_MAX]

    @property
    def hidden(self) -> int:
        """How many columns are not shown."""
        return len(self.every) - len(self.columns)

    @property
    def has_search(self) -> bool:
        """Whether there is something to look for."""
        return self.total > 10 or bool(self.wanted.text)

    @property
    def has_tools(self) -> bool:
        """Whether the table is large enough to be searched, narrowed and kept as a file."""
        is_large = self.total > 10 or len(self.every) > 6 or self.wanted != Wanted()
        return self.has_file and is_large

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1

    @property
    def previous(self) -> str:
        """Where the page before is."""
        return self.wanted.at(min(self.wanted.page - 1, self.pages)) if self.wanted.page > 1 else ""

    @property
    def next(self) -> str:
        """Where the next page is."""
        page = self.wanted.page
        return self.wanted.at(page + 1) if page < self.pages else ""


def below(pointer: str | None, name: str | int) -> str:
    """Return the pointer to a member."""
    return f"{pointer or ''}/{str(name).replace('~', '~0').replace('/', '~1')}"


def mark_numbers(columns: Iterable[ResultColumn], rows: Sequence[Sequence[Cell]]) -> None:
    """Mark the columns whose shown cells are all numbers, or nothing."""
    for at, column in enumerate(columns):
        cells = [row[at] for row in rows if row[at].text]
        column.is_number = bool(cells) and all(cell.is_number for cell in cells)


def _number_in(text: str) -> int | None:
    """Return a number from 1 as an address has it; None for what is none."""
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 8 else None
