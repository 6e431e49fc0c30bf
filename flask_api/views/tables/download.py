"""Tables as files: the rows that a job keeps, or a list in its result."""

import hashlib
from functools import partial
from typing import Annotated, Any, BinaryIO

from flask import Blueprint, Response, request, send_file
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_principal
from flask_api.gate.requirements import scope_required
from flask_api.http.answers import unless_known
from flask_api.http.job_answer import result_of
from flask_api.http.query import InvalidQuery, QueryProblem, read_query
from flask_api.http.reach import job_to_see
from flask_api.http.state import api_state
from flask_api.jobs.errors import JobNotFound
from flask_api.jobs.records.job import Job
from flask_api.operation.describe import NDJSON, Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH
from flask_api.tasks.tables.database import TableTooLargeError
from flask_api.tasks.tables.kept.listed import ListFormat, find_list
from flask_api.tasks.tables.kept.page import ROWS_FILE
from flask_api.views.tables.rows import OF_ROWS
from shared.version import VERSION

blueprint = Blueprint("tables", __name__, url_prefix="/jobs")

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
_KINDS: dict[ListFormat, tuple[str, str]] = {
    "csv": (CSV, "csv"),
    "spreadsheet": (CSV, "csv"),
    "jsonl": (NDJSON, "jsonl"),
    "parquet": (PARQUET, "parquet"),
}


class TableQuery(BaseModel):
    """Which table, and as what."""

    model_config = ConfigDict(extra="forbid")

    format: ListFormat = Field(
        "csv",
        description="spreadsheet: CSV in which text that begins with = + - @ has a ' before it.",
    )
    part: Annotated[str, Field(max_length=1000)] | None = Field(
        None,
        description="A list within the result, by its JSON pointer (RFC 6901). "
        "Without it: the rows that the job keeps, else the result.",
    )


TABLE = Answer(
    "The whole table.",
    {},
    media_type=CSV,
    also=(NDJSON, PARQUET),
    headers=("Content-Disposition", "ETag"),
)


@blueprint.get("/<uuid:job_id>/table")
@scope_required("jobs:read")
@describe(
    "downloadJobTable",
    query=TableQuery,
    headers=(IF_NONE_MATCH,),
    answers={200: TABLE},
    problems=OF_ROWS,
)
def download(job_id: Any) -> Response:
    """Download a table that a job made, whole: as CSV, JSON lines or Parquet.

    Not a page of it, and no cell is cut. A table that would take more than 50 s to write is
    refused: its own file is there as parquet. A job that has no table is 404, one that has not
    ended 409.
    """
    return table_answer(job_to_see(job_id))


def table_answer(job: Job, *, shows_files: bool = True) -> Response:
    """Return the table of a job that the request may see. Without ``shows_files`` the job's own
    file of rows is not sent as it is: it may say more than its cells.

    Raises what a job without a result or a table raises, RowsBusy, and InvalidQuery.
    """
    result = result_of(job, staff=False)
    query = read_query(TableQuery)
    items = _items_of(job, result, query, shows_files=shows_files)  # a 404 is no 304
    make = partial(_sent, job, items, query.format)
    return unless_known(_tag(job, query), make)


def _items_of(job: Job, result: Any, query: TableQuery, *, shows_files: bool) -> list[Any] | None:
    """Return the list that is meant; None: the rows that the job keeps. Raises JobNotFound."""
    if query.part is None and any(file["name"] == ROWS_FILE for file in job.files):
        if query.format == "parquet" and not shows_files:
            raise JobNotFound("The job has no such file.")
        return None
    items = find_list(result, query.part or "")
    if items is None:
        raise JobNotFound("There is no table at this place.")
    return items


def _file(job: Job, items: list[Any] | None, form: ListFormat) -> BinaryIO:
    rows, person = api_state().rows, current_principal().id
    try:
        if items is not None:
            return rows.write(items, form, person=person)
        if form == "parquet":
            return api_state().engine.open_file(job, ROWS_FILE)
        most = api_state().engine.settings.table_temp_bytes
        return rows.copy(job, form, person=person, most_bytes=most)
    except TableTooLargeError as error:
        raise InvalidQuery([QueryProblem(parameter="format", detail=str(error))]) from None


def _sent(job: Job, items: list[Any] | None, form: ListFormat) -> Response:
    opened = _file(job, items, form)
    media_type, ending = _KINDS[form]
    size = opened.seek(0, 2)
    opened.seek(0)
    answer = send_file(
        opened, mimetype=media_type, as_attachment=True, download_name=f"{job.task}.{ending}"
    )
    answer.content_length = size
    return answer


def _tag(job: Job, query: TableQuery) -> str:
    parts = (VERSION, job.id, job.finished_at, query, request.path)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
