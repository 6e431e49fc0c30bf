"""The rows that a job keeps, in pages: of tables.parse,
and of any task that saves a file rows.parquet."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_principal
from flask_api.gate.requirements import scope_required
from flask_api.http.answers import unless_known
from flask_api.http.job_answer import result_of
from flask_api.http.query import InvalidQuery, QueryProblem, read_query
from flask_api.http.reach import job_to_see
from flask_api.http.state import api_state
from flask_api.jobs.errors import (
    JobExpired,
    JobFailed,
    JobNotFound,
    JobUnfinished,
    JobWasCancelled,
    RowsBusy,
)
from flask_api.jobs.records.job import Job
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH
from flask_api.tasks.tables.cells.types import Kind
from flask_api.tasks.tables.kept.choice import NoSuchColumnError, RowChoice
from flask_api.tasks.tables.kept.page import (
    ROWS_FILE,
    ChoiceTooLargeError,
    PageTooLargeError,
    RowsPage,
)
from shared.errors import JobStoreUnavailable
from shared.version import VERSION

blueprint = Blueprint("rows", __name__, url_prefix="/jobs")

OF_ROWS = (
    JobNotFound,
    JobExpired,
    JobUnfinished,
    JobFailed,
    JobWasCancelled,
    RowsBusy,
    JobStoreUnavailable,
)


class RowsQuery(BaseModel):
    """Which page, and how many rows on each."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(
        1, ge=1, le=1_000_000_000, description="From 1; one after the last has no rows."
    )
    size: int = Field(
        100,
        ge=1,
        le=1000,
        description="Rows on a page; fewer for a table of more than 100 columns.",
    )
    sort: Annotated[str, Field(pattern=r"^-?[1-9][0-9]{0,3}$")] | None = Field(
        None,
        description="The number of the column to sort by, from 1; with a minus: downwards.",
    )
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Only rows that have this text in a cell, whatever its case."
    )

    @property
    def choice(self) -> RowChoice:
        """Which rows, in which order."""
        by = int(self.sort or 0)
        return RowChoice(by=abs(by), is_down=by < 0, text=self.q or "")


class RowsColumn(BaseModel):
    """A column of the table."""

    name: str
    kind: Kind


class RowsLinks(BaseModel):
    """The pages beside this one."""

    next: str | None
    prev: str | None


class RowsAnswer(BaseModel):
    """One page of a table's rows. Dates and times are ISO 8601 text, integers beyond 2**53 text,
    NaN and infinity null."""

    columns: list[RowsColumn]
    rows: list[
        list[
            Annotated[
                str | int | float | bool | None,
                Field(description="long text is cut and ends with …"),
            ]
        ]
    ]
    page: int
    size: int
    pages: int
    total: Annotated[int, Field(description="rows in the table; with q, those that have it")]
    links: RowsLinks


@blueprint.get("/<uuid:job_id>/rows")
@scope_required("jobs:read")
@describe(
    "getJobRows",
    query=RowsQuery,
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("A page of rows.", RowsAnswer, headers=("ETag",))},
    problems=OF_ROWS,
)
def show(job_id: Any) -> Response:
    """Read the rows that a job made, in pages.

    A job that keeps none is 404, one that has not ended 409.
    """
    job = job_to_see(job_id)
    return rows_answer(job, lambda **query: url_for("rows.show", job_id=job.id, **query))


def rows_answer(job: Job, link: Callable[..., str]) -> Response:
    """Return the page of rows that the request asks for, or 304;
    ``link`` gives the address of another one."""
    require_rows(job)
    query = read_query(RowsQuery)
    return unless_known(_tag(job, query), lambda: jsonify(_page_json(job, query, link)))


def require_rows(job: Job) -> None:
    """Raise unless the job has rows: JobNotFound, or why it has no result at all."""
    result_of(job, staff=False)
    if not any(file["name"] == ROWS_FILE for file in job.files):
        raise JobNotFound("The job keeps no rows.")


def _page_json(job: Job, query: RowsQuery, link: Callable[..., str]) -> dict[str, Any]:
    found = _page(job, query)
    pages = -(-found.total // query.size)
    same = query.model_dump(exclude_none=True, include={"size", "sort", "q"})
    return {
        **asdict(found),
        "page": query.page,
        "size": query.size,
        "pages": pages,
        "links": {
            "next": link(page=query.page + 1, **same) if query.page < pages else None,
            "prev": link(page=min(query.page - 1, max(pages, 1)), **same)
            if query.page > 1
            else None,
        },
    }


def _page(job: Job, query: RowsQuery) -> RowsPage:
    first, choice = (query.page - 1) * query.size, query.choice
    try:
        return api_state().rows.read(
            job, first=first, size=query.size, choice=choice, person=current_principal().id
        )
    except PageTooLargeError as error:
        wrong, detail = "size", f"must be 1 to {error.most} rows of this table at once"
    except NoSuchColumnError as error:
        wrong, detail = "sort", f"must be 1 to {error.columns}, a column of this table"
    except ChoiceTooLargeError:
        wrong = "q" if query.q else "sort"
        detail = "This table is too large for it: download it whole"
    raise InvalidQuery([QueryProblem(parameter=wrong, detail=detail)])


def _tag(job: Job, query: RowsQuery) -> str:
    """Rows never change once they are there: the tag needs no look at them,
    so a client that polls costs next to nothing."""
    parts = (VERSION, job.id, job.finished_at, query, request.path)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
