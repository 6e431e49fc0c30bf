"""What a column is, decided by all of its cells.

The first cells say which readings are worth a try: one that every cell fits fits these too, so none
is overlooked. Then every cell of the file is asked. A column is read as what all of its cells fit;
where several readings fit that disagree, it stays text and the summary says which argument chooses.
Only of a point (1.234) the decimal one is taken, and that is said as well.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import chain

from flask_api.tasks.tables.cells.dates import DateOrder, dates
from flask_api.tasks.tables.cells.readings import (
    INTEGER,
    LONGEST,
    Decimal,
    Reading,
    booleans,
    numbers,
)
from flask_api.tasks.tables.cells.types import Kind
from flask_api.tasks.tables.database import TableDatabase, Watch, identifier, literal

MISSING = ("-", "#n/a", "n/a", "na", "nan", "none", "null")
_CELLS = 20  # looked at before all are asked
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the table's owner says about cells; None where it is to be found out."""

    dates: DateOrder | None = None
    decimal: Decimal | None = None
    missing: tuple[str, ...] | None = None

    def readings(self) -> tuple[Reading, ...]:
        """Return the readings to try, the narrowest first."""
        return _readings(self.dates, self.decimal)

    def is_missing(self, cell: str) -> str:
        """Return the SQL that is true for a cell that stands for none:
        of the words given, else of MISSING in any case."""
        words = MISSING if self.missing is None else self.missing
        if not words:
            return "false"
        text = f"lower({cell})" if self.missing is None else cell
        return f"{text} IN ({', '.join(map(literal, words))})"

    def stands_for_none(self, cell: str) -> bool:
        """Tell of a cell what :meth:`is_missing` asks in SQL."""
        return cell.lower() in MISSING if self.missing is None else cell in self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How many cells of a column hold something, how many a word for a missing value,
    how many fit each candidate."""

    present: int
    missing: int
    fits: tuple[tuple[Reading, int], ...]
    trues: int  # of the candidate that has two sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a column is read as; None is text. ``mostly`` is what all but ``others`` cells of a text
    column could be."""

    reading: Reading | None = None
    ambiguous: tuple[str, ...] = ()
    missing: int = 0
    others: int = 0
    mostly: Kind | None = None

    @property
    def sql_type(self) -> str:
        """The type of the stored column."""
        return self.reading.sql_type if self.reading else "VARCHAR"

    @property
    def rule(self) -> str:
        """How the cells were read, for the column's owner."""
        if self.reading:
            return self.reading.rule
        return "text: more than one reading fits" if self.ambiguous else "text"


@cache
def _readings(order: DateOrder | None, decimal: Decimal | None) -> tuple[Reading, ...]:
    return (*numbers(decimal), *booleans(), *dates(order))


def candidates(cells: Sequence[str], wishes: Wishes) -> tuple[Reading, ...]:
    """Return the readings that more than half of these cells look like.
    Blank and missing ones must not be among them."""
    if not cells:
        return ()
    stripped = [each.strip(" ") for each in cells]
    seen = Counter(
        chain.from_iterable(
            _looks(cell, wishes.dates, wishes.decimal) for cell in stripped if len(cell) <= LONGEST
        )
    )
    return tuple(
        reading for number, reading in enumerate(wishes.readings()) if 2 * seen[number] > len(cells)
    )


@lru_cache(maxsize=10_000)  # the first cells are looked at several times
def _looks(cell: str, order: DateOrder | None, decimal: Decimal | None) -> tuple[int, ...]:
    """Return the numbers of the readings that a cell of bounded length may fit."""
    readings = _readings(order, decimal)
    if not _compiled("|".join(f"(?:{each.pattern})" for each in readings)).fullmatch(cell):
        return ()
    return tuple(
        number for number, each in enumerate(readings) if _compiled(each.pattern).fullmatch(cell)
    )


def looks_like(reading: Reading, cell: str) -> bool:
    """Tell whether a cell may fit: False is sure."""
    return len(cell) <= LONGEST and _compiled(reading.pattern).fullmatch(cell) is not None


_compiled = cache(re.compile)


def first_cells(columns: Iterable[Sequence[str]], wishes: Wishes) -> Iterator[list[str]]:
    """Yield the first cells of each column that hold something, no more than are worth a look."""
    for cells in columns:
        found: list[str] = []
        for cell in cells:
            if cell.strip(" ") and not wishes.stands_for_none(cell.strip(" ")):
                found.append(cell)
                if len(found) == _CELLS:
                    break
        yield found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """All cells of ``source``, SQL for a table of texts."""

    source: str
    wishes: Wishes
    database: TableDatabase
    watch: Watch

    def facts(self, names: Sequence[str], tried: Sequence[Sequence[Reading]]) -> Sequence[Facts]:
        """Return the facts of the columns of these names, by the readings to try.

        Readings that can change nothing any more are not asked for:
        most columns of numbers are done with the first of a dozen.
        """
        some = [_first_of(each) for each in tried]
        facts = list(self._count(names, some))
        open_ones = [
            n
            for n, each in enumerate(facts)
            if len(some[n]) < len(tried[n]) and not _is_settled(each)
        ]
        others = [tuple(each for each in tried[n] if each not in some[n]) for n in open_ones]
        more = self._count([names[n] for n in open_ones], others)
        for n, rest in zip(open_ones, more, strict=True):
            counts = dict((*facts[n].fits, *rest.fits))
            facts[n] = replace(
                facts[n],
                trues=facts[n].trues + rest.trues,
                fits=tuple((each, counts[each]) for each in tried[n]),
            )
        return facts

    def _count(self, names: Sequence[str], tried: Sequence[Sequence[Reading]]) -> Iterator[Facts]:
        for first in range(0, len(names), _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, len(names)))
            shown = ", ".join(
                f"{cell_of(names[n], self.wishes)} AS x{n}, trim({identifier(names[n])}) AS t{n}"
                for n in some
            )
            wanted = [sql for n in some for sql in _counts(n, tried[n], self.wishes)]
            (answer,) = self.database.run(
                f"SELECT {', '.join(wanted)} FROM (SELECT {shown} FROM {self.source})",  # noqa: S608
                watch=self.watch,
            )
            values = iter(map(int, answer))
            for n in some:
                present, missing, trues = next(values), next(values), next(values)
                yield Facts(
                    present=present,
                    missing=missing,
                    trues=trues,
                    fits=tuple((each, next(values)) for each in tried[n]),
                )


def _first_of(tried: Sequence[Reading]) -> tuple[Reading, ...]:
    """Return the readings to ask for first: the narrowest when no argument is for it,
    else that of each argument."""
    if tried and not tried[0].argument:
        return (tried[0],)
    return tuple({each.argument: each for each in reversed(tried)}.values())[::-1]


def _is_settled(facts: Facts) -> bool:
    """Tell whether no other reading can change what is decided:
    every cell fits each of the first ones."""
    return all(count == facts.present and _has_sides(each, facts) for each, count in facts.fits)


def cell_of(name: str, wishes: Wishes) -> str:
    """Return the SQL of a column's cell without the blanks around it;
    NULL when it is empty or stands for no value."""
    text = f"trim({identifier(name)})"
    return f"CASE WHEN {text} = '' OR {wishes.is_missing(text)} THEN NULL ELSE {text} END"


def _counts(number: int, tried: Sequence[Reading], wishes: Wishes) -> Iterator[str]:
    cell = f"x{number}"
    two_sided = next((each for each in tried if each.sides), None)
    yield f"count({cell})"
    yield f"count(*) FILTER ({wishes.is_missing(f't{number}')})"
    yield f"count(*) FILTER ({two_sided.value(cell)})" if two_sided else "0"
    for reading in tried:
        yield f"count(*) FILTER ({reading.fits(cell)})"  # null for a cell that is


def decide(facts: Facts, wishes: Wishes) -> Decision:
    """Return what a column with these facts is."""
    missing = facts.missing
    full = [
        each for each, count in facts.fits if count == facts.present > 0 and _has_sides(each, facts)
    ]
    reading, ambiguous = _choose(full)
    if reading:
        return Decision(reading=reading, ambiguous=ambiguous, missing=missing)
    # in text, only the words that were given stand for no value
    kept = missing if wishes.missing else 0
    if ambiguous:
        return Decision(ambiguous=ambiguous, missing=kept)
    best = max(facts.fits, key=lambda each: each[1], default=None)
    if best is None or 2 * best[1] <= facts.present or best[1] == facts.present:
        return Decision(missing=kept)
    return Decision(missing=kept, others=facts.present - best[1], mostly=best[0].kind)


def _has_sides(reading: Reading, facts: Facts) -> bool:
    return reading.sides is None or 0 < facts.trues < facts.present


def _choose(full: Sequence[Reading]) -> tuple[Reading | None, tuple[str, ...]]:
    """Return the reading to take, and the arguments that would choose otherwise if there is a
    doubt."""
    if not full:
        return None, ()
    if full[0] is INTEGER or not full[0].argument:
        return full[0], ()
    arguments = tuple(dict.fromkeys(each.argument for each in full if each.argument))
    if len(arguments) == 1 and full[0].standing != "rival":
        return full[0], ()
    return next((each for each in full if each.standing == "usual"), None), arguments
