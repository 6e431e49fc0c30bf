"""The rows that a job keeps beside its result, as a table: of tables.parse, and of any task that
saves a file rows.parquet."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from django_site.work import api
from django_site.work.results.parts import PAGE_ROWS, Shown, Wanted
from django_site.work.results.table import plain_cell

_NUMBERS = frozenset({"integer", "number", "float", "decimal"})
_ID = "rows"
_OF_WIDE_ROWS = 10  # the API gives at most 100,000 cells at once


def rows_of(
    request: HttpRequest, job: Mapping[str, Any], wanted: Wanted, *, path: str
) -> Shown | None:
    """Return a page of the job's rows, which are at ``path`` below the API. None where a job keeps
    none, or the API can't read them just now; ``text`` says what it refuses of what is wanted."""
    if "rows" not in job["links"]:
        return None
    refused = ""
    if wanted.table != _ID:
        wanted = Wanted(table=_ID)
    try:
        found = _ask(request, path, wanted)
    except api.ApiProblem as problem:
        if wanted == Wanted(table=_ID):
            return None
        refused = problem.errors[0]["detail"] if problem.errors else problem.detail
        wanted = Wanted(table=_ID)
        try:
            found = _ask(request, path, wanted)
        except api.ApiProblem:
            return None
    every = wanted.columns_of([column["name"] for column in found["columns"]])
    for column, said in zip(every, found["columns"], strict=True):
        column.is_number = said["kind"] in _NUMBERS
    return Shown(
        kind="table",
        id=_ID,
        text=refused,
        has_file=True,
        wanted=wanted,
        every=every,
        rows=[
            [plain_cell(cell) for cell, column in zip(row, every, strict=True) if column.is_shown]
            for row in found["rows"]
        ],
        total=found["total"],
        pages=found["pages"],
        first=(wanted.page - 1) * found["size"] + 1,
    )


def _ask(request: HttpRequest, path: str, wanted: Wanted) -> Any:
    sort = -wanted.by if wanted.is_down else wanted.by

    def ask(size: int) -> Any:
        return api.get(request, path, page=wanted.page, size=size, sort=sort or None, q=wanted.text)

    try:
        return ask(PAGE_ROWS)
    except api.ApiProblem as problem:
        if [error["parameter"] for error in problem.errors] != ["size"]:
            raise
    return ask(_OF_WIDE_ROWS)
