"""Files for jobs: upload them, look at them, get them back, delete them.
A file of another person does not exist here: 404."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, send_file, url_for
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.gate.requirements import scope_required
from flask_api.http.answers import page_answer
from flask_api.http.job_requests import viewer
from flask_api.http.query import Cursor, read_query
from flask_api.http.reach import upload_to_act_on, upload_to_see
from flask_api.http.state import api_state
from flask_api.http.upload_body import read_upload
from flask_api.jobs.errors import (
    UploadInUse,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    UploadTooSlow,
)
from flask_api.jobs.files.uploads import Upload, Uploads
from flask_api.jobs.records.job import format_time
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import Id, PageLinksJson, Path
from shared.errors import JobStoreFull, JobStoreUnavailable

blueprint = Blueprint("files", __name__, url_prefix="/files")

OF_A_FILE = (UploadNotFound, JobStoreUnavailable)
BYTES = {"type": "string", "format": "binary"}


class UploadQuery(BaseModel):
    """The file's name, for a body that carries none."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class FilesQuery(BaseModel):
    """The page of a listing."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor | None = None
    limit: int = Field(20, ge=1, le=100)


class FileRecord(BaseModel):
    """A file that was uploaded for jobs."""

    id: Id
    name: str
    size: Annotated[int, Field(description="bytes")]
    media_type: Annotated[str, Field(description="found in its content")]
    sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    links: dict[str, Path]


class FilePage(BaseModel):
    """One page of a listing, newest first; `next_cursor` is null on the last one."""

    files: list[FileRecord]
    next_cursor: Id | None
    links: PageLinksJson | None = None


@blueprint.post("")
@scope_required("jobs:submit")
@describe(
    "uploadFile",
    body={
        "application/octet-stream": BYTES,
        "multipart/form-data": {
            "type": "object",
            "properties": {"file": BYTES},
            "required": ["file"],
        },
    },
    body_is_optional=True,  # an empty file is a file
    query=UploadQuery,
    answers={
        201: Answer(
            "It is kept until it expires.", FileRecord, headers=("Location",), identifies="file_id"
        )
    },
    problems=(
        UploadTooSlow,
        UploadTooLarge,
        UploadQuotaExceeded,
        JobStoreUnavailable,
        JobStoreFull,
    ),
    python="print(client.upload({file}{&name}).id)",
)
def upload() -> tuple[Response, int, dict[str, str]]:
    """Keep a file for jobs.

    The body is the file, of any media type, or a form with one file part.
    """
    query = read_query(UploadQuery)
    body = read_upload(name=query.name, largest=api_state().engine.settings.upload_max_bytes)
    kept = _uploads().receive(body.pieces, owner=viewer(), name=body.name, size=body.size)
    return jsonify(upload_json(kept)), 201, {"Location": url_for("files.show", file_id=kept.id)}


@blueprint.get("")
@scope_required("jobs:read")
@describe(
    "listFiles",
    query=FilesQuery,
    answers={200: Answer("A page, newest first.", FilePage)},
    problems=(JobStoreUnavailable,),
)
def list_files() -> Response:
    """List your own uploaded files, newest first."""
    query = read_query(FilesQuery)
    page = _uploads().list_of(viewer(), limit=query.limit, cursor=query.cursor)
    records = [upload_json(each) for each in page.uploads]
    return page_answer("files", records, page.cursor, limit=query.limit)


@blueprint.get("/<uuid:file_id>")
@scope_required("jobs:read")
@describe(
    "getFile",
    answers={200: Answer("The record.", FileRecord, identifies="file_id")},
    problems=OF_A_FILE,
)
def show(file_id: Any) -> Response:
    """Look at an uploaded file's record."""
    return jsonify(upload_json(upload_to_see(file_id)))


@blueprint.get("/<uuid:file_id>/content")
@scope_required("jobs:read")
@describe(
    "getFileContent",
    answers={200: Answer("Its bytes.", {}, media_type="*/*", headers=("Content-Disposition",))},
    problems=OF_A_FILE,
)
def read_content(file_id: Any) -> Response:
    """Download an uploaded file.

    Always a download: what somebody uploaded is not a page of this site.
    """
    found = upload_to_see(file_id)
    content = _uploads().open(found)
    response = send_file(
        content, mimetype=found.media_type, as_attachment=True, download_name=found.name
    )
    response.content_length = found.size
    return response


@blueprint.delete("/<uuid:file_id>")
@scope_required("jobs:submit")
@describe(
    "deleteFile",
    answers={204: Answer("It is gone.")},
    problems=(*OF_A_FILE, UploadInUse),
)
def delete(file_id: Any) -> tuple[str, int]:
    """Delete an uploaded file.

    Refused while a job that has not ended needs it.
    """
    _uploads().delete(upload_to_act_on(file_id, "delete"))
    return "", 204


def upload_json(upload: Upload) -> dict[str, Any]:
    """Return an uploaded file as the API shows it."""
    return {
        "id": upload.id,
        "name": upload.name,
        "size": upload.size,
        "media_type": upload.media_type,
        "sha256": upload.sha256,
        "created_at": format_time(upload.created_at),
        "expires_at": format_time(upload.expires_at),
        "links": {
            "self": url_for("files.show", file_id=upload.id),
            "content": url_for("files.read_content", file_id=upload.id),
        },
    }


def _uploads() -> Uploads:
    return api_state().engine.uploads
