"""The shapes that the answers of several endpoints share, for the document; any other stands beside
its view or what fills it. A test compares them with real answers.

Members may be added to any of them: a client must not mind one that it does not know.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Path = Annotated[str, WithJsonSchema({"type": "string", "format": "uri-reference"})]
Pointer = Annotated[str, WithJsonSchema({"type": "string", "format": "json-pointer"})]


class PageLinksJson(BaseModel):
    """Where to go on."""

    next: Path


class QuotaJson(BaseModel):
    """Which quota was reached."""

    kind: str
    used: int
    limit: int
    links: Annotated[dict[str, Path], Field(description="where to find what can be deleted")]


class ProblemLine(BaseModel):
    """One thing that is wrong: a place in the body, or a query parameter."""

    pointer: Annotated[Pointer, Field(description="RFC 6901, into the body")] = ""
    parameter: Annotated[str, Field(description="the query parameter")] = ""
    detail: Annotated[str, Field(description="what is accepted")]


class ProblemJson(BaseModel):
    """Problem details (RFC 9457). ``type`` leads to a page that says what to do;
    ``code`` is stable."""

    type: Path
    title: str
    status: int
    code: str
    detail: str
    errors: Annotated[
        list[ProblemLine], Field(description="every single thing that is wrong, up to 100")
    ] = []
    error_id: Annotated[str, Field(description="of a 500: what to look for in the log")] = ""
    error: Annotated[dict[str, Any], Field(description="of job_failed: the job's error")] = {}
    quota: Annotated[
        QuotaJson | None, Field(description="of quota_exceeded and too_many_files: what is kept")
    ] = None
