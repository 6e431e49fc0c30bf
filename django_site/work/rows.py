"""The rows that a job keeps beside its result, as a table: of tables.parse, and of any task that
saves a file rows.parquet."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from django_site.work import api
from django_site.work.result import PAGE_ROWS, ResultColumn, Shown, page_in, plain_cell

_NUMBERS = frozenset({"integer", "number", "float", "decimal"})


def rows_of(request: HttpRequest, job: Mapping[str, Any]) -> Shown | None:
    """Return a page of the job's rows; ``?rows=`` is its number. None where a job keeps none, or
    the API can't read them just now."""
    if "rows" not in job["links"]:
        return None
    page = page_in(request.GET.get("rows", ""))
    try:
        found = api.get(request, f"/jobs/{job['id']}/rows", page=page, size=PAGE_ROWS)
    except api.ApiProblem:
        return None
    size = found["size"]
    return Shown(
        kind="table",
        id="rows",
        columns=[
            ResultColumn(name=column["name"], is_number=column["kind"] in _NUMBERS)
            for column in found["columns"]
        ],
        rows=[[plain_cell(value) for value in row] for row in found["rows"]],
        total=found["total"],
        first=(page - 1) * size + 1,
        previous=f"?rows={page - 1}#rows" if found["links"]["prev"] else "",
        next=f"?rows={page + 1}#rows" if found["links"]["next"] else "",
    )
