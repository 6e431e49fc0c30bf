"""What several answers have in common: what a listing of jobs is asked for, its pages, the ETag of
an answer that need not be sent twice, and how many more jobs a person may submit."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypedDict

from flask import Response, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from flask_api.http.query import Cursor
from flask_api.jobs.job_search import LONGEST_TEXT
from flask_api.jobs.records.job import OUTCOMES, JobStatus


class JobPlace(TypedDict):
    """Which page of which jobs."""

    limit: int
    cursor: str | None
    statuses: frozenset[JobStatus] | None
    task: str | None


# How many of a list are passed over: more than any has, and no more than Redis takes.
Passed = Annotated[int, Field(ge=0, le=1_000_000_000)]


class JobsQuery(BaseModel):
    """The filters and the page of a listing."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | Literal["ended"] | None = Field(
        None, description="Only jobs in this state; ended: all that have."
    )
    task: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="Only jobs of this task."
    )
    q: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = Field(
        None,
        description="Only jobs that have all these words in arguments, result, error or progress.",
    )
    cursor: Cursor | None = Field(None, description="next_cursor of the last page.")
    limit: int = Field(
        20,
        ge=1,
        le=100,
        description="Jobs on a page; one with filters may hold fewer and still have a next.",
    )

    def place(self) -> JobPlace:
        """Return it as the engine takes it."""
        return JobPlace(
            limit=self.limit, cursor=self.cursor, statuses=_statuses(self.status), task=self.task
        )


class OwnJobsQuery(JobsQuery):
    """The filters and the page of one's own listing, and what is told besides."""

    under_way: int = Field(
        0,
        ge=0,
        le=50,
        description="Also so many unfinished jobs at most, running ones first, wherever they stand"
        " in the listing.",
    )


class BatchJobsQuery(BaseModel):
    """Which jobs of a batch."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | Literal["ended"] | None = Field(
        None, description="Only jobs in this state; ended: all that have."
    )
    after: Passed = Field(0, description="next_after of the last page.")
    limit: int = Field(20, ge=1, le=100, description="Jobs on a page.")

    @property
    def statuses(self) -> frozenset[JobStatus] | None:
        """The states as the engine takes them."""
        return _statuses(self.status)


def _statuses(status: JobStatus | Literal["ended"] | None) -> frozenset[JobStatus] | None:
    return OUTCOMES if status == "ended" else frozenset({status}) if status else None


def page_answer(
    name: str,
    items: list[Any],
    cursor: str | None,
    *,
    more: Mapping[str, Any] | None = None,
    **query: Any,
) -> Response:
    """Return one page of a listing of the endpoint that was asked, its items under ``name``.

    ``cursor`` is where the next page begins, None on the last one; ``query`` is asked again there;
    ``more`` is said of the page besides.
    """
    answer: dict[str, Any] = {name: items, "next_cursor": cursor, **(more or {})}
    if cursor is not None:
        answer["links"] = {"next": url_for(request.endpoint or "", cursor=cursor, **query)}
    return jsonify(answer)


def with_etag(response: Response) -> Response:
    """Return the answer with a strong ETag of its bytes (RFC 9110, 13.1.2),
    or 304 without them when the client has them already.

    It spares the network, not Redis. Whose record it is was decided before:
    a client that may not read the record is told nothing.
    """
    response.add_etag()
    response.make_conditional(request)
    return response


def unless_known(tag: str, make: Callable[[], Response]) -> Response:
    """Return what ``make`` does, with this ETag; or 304, to who has it. ``If-None-Match: *`` names
    no tag that a good answer had: whether there is an answer is found out then, as without it."""
    known = request.if_none_match
    is_any = known.star_tag
    answer = Response(status=304) if known.contains(tag) and not is_any else make()
    if is_any:
        answer.close()  # and the file that it would send
        answer = Response(status=304)
    answer.set_etag(tag)
    return answer


def rate_limit_headers(*, limit: int, unfinished: int) -> dict[str, str]:
    """Return the policy of unfinished jobs and what is left of it
    (IETF draft-ietf-httpapi-ratelimit-headers). There is no window: it is freed as jobs end."""
    remaining = max(0, limit - unfinished)
    return {
        "RateLimit-Policy": f'"unfinished";q={limit}',
        "RateLimit": f'"unfinished";r={remaining}',
    }
