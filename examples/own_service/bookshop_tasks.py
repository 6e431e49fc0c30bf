"""The bookshop's tasks. The job engine runs them because GATEHOUSE_TASK_MODULES names this
module."""

import csv
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from flask_api.jobs import InputFile, JobContext, TaskError, task

_LONGEST_LINE = 10_000


@dataclass(frozen=True, kw_only=True)
class Stock:
    """What was read: titles and copies of them, and how many lines were rejected."""

    titles: int
    copies: int
    rejected: int


@task("bookshop.check_isbns")
def check_isbns(isbns: Annotated[list[str], Field(max_length=10_000)]) -> dict[str, bool]:
    """Tell which of these are ISBNs of 13 digits."""
    return {isbn: is_isbn(isbn) for isbn in isbns}


@task("bookshop.import_stock", executor="processes", timeout_s=60)
def import_stock(file: InputFile, *, job: JobContext) -> Stock:
    """Count an uploaded stock list, lines of ``isbn,copies``;
    the lines that are neither come back as rejected.csv."""
    copies: dict[str, int] = {}
    rejected = []
    with file.open() as stream:
        while line := stream.readline(_LONGEST_LINE):
            text = line.decode("utf-8", "replace").strip()
            isbn, count = _cells(text)
            if is_isbn(isbn) and count.isdecimal() and len(count) < 10:
                copies[isbn] = copies.get(isbn, 0) + int(count)
            else:
                rejected.append(text)
            job.progress(stream.tell(), file.size)
    if not copies:
        raise TaskError("No line is of the form isbn,copies.")
    job.save_file("rejected.csv", "\n".join(rejected))
    return Stock(titles=len(copies), copies=sum(copies.values()), rejected=len(rejected))


def is_isbn(text: str) -> bool:
    """Tell whether this is an ISBN-13; hyphens don't count. Source: ISO 2108."""
    digits = text.replace("-", "")
    if len(digits) != 13 or not (digits.isascii() and digits.isdecimal()):
        return False
    return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10 == 0


def _cells(text: str) -> tuple[str, str]:
    cells = next(csv.reader([text]), [])
    return (cells[0], cells[1]) if len(cells) == 2 else ("", "")
