"""Everybody's jobs: look for them, and act on many at once."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, FailFast, Field

from flask_api.gate.extension import current_identity
from flask_api.gate.requirements import require_scope
from flask_api.http.answers import JobsQuery, page_answer
from flask_api.http.job_json import JobSummary, SearchedJson, receipt_json, summary_json
from flask_api.http.job_requests import check_body
from flask_api.http.json_body import UnsupportedMediaType, read_json_object
from flask_api.http.operators.access import operator_required, viewer_required
from flask_api.http.operators.record import begin_deeds, end_deeds
from flask_api.http.query import InvalidQuery, QueryProblem, read_query
from flask_api.http.reach import sees_contents
from flask_api.http.state import api_state
from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.job_search import Searched
from flask_api.jobs.operating.acts import MOST_AT_ONCE, Act, ActAnswer, act_on
from flask_api.jobs.operating.all_jobs import CURSOR, WantedJobs
from flask_api.jobs.records.job import Job
from flask_api.jobs.records.reading.pages import Page
from flask_api.operation.describe import JSON, Answer, describe
from flask_api.operation.shapes import Id, PageLinksJson
from shared.contract.api_keys import READ_SCOPE
from shared.errors import JobStoreUnavailable, RequestError

blueprint = Blueprint("operate_jobs", __name__, url_prefix="/operate")

_JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class AllJobsQuery(JobsQuery):
    """The filters and the page of a listing of everybody's jobs."""

    person: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")] | None = Field(
        None, description="Only jobs of the person with this id."
    )
    cursor: Annotated[str, Field(pattern=rf"{CURSOR}|^[0-9a-f-]{{36}}$")] | None = Field(
        None, description="next_cursor of the last page, with the same filters."
    )


class AnyJob(JobSummary):
    """A job in a listing of everybody's."""

    instance: Annotated[str, Field(description="the process or worker that last held it")]
    withheld: Annotated[
        list[str], Field(description="for a key without jobs:read: what is left empty")
    ] = []


class AllJobsPage(BaseModel):
    """One page; ``next_cursor`` is null on the last one."""

    jobs: list[AnyJob]
    next_cursor: str | None
    links: PageLinksJson | None = None
    searched: SearchedJson


class BulkRequest(BaseModel):
    """To which jobs to do it, a hundred at most."""

    model_config = ConfigDict(extra="forbid", strict=True)

    act: Literal["cancel", "requeue", "delete"]
    jobs: Annotated[list[_JobId], Field(min_length=1, max_length=MOST_AT_ONCE), FailFast()]


class RefusedJob(BaseModel):
    """A job to which it was not done, and why."""

    id: Id
    code: str
    detail: str


class BulkAnswer(BaseModel):
    """What came of each. Jobs that are not there any more are in ``absent``."""

    done: list[Id]
    refused: list[RefusedJob]
    absent: list[Id]


@blueprint.get("/jobs")
@viewer_required
@describe(
    "listAllJobs",
    query=AllJobsQuery,
    answers={200: Answer("A page: those that have not ended first.", AllJobsPage)},
    problems=(JobStoreUnavailable,),
)
def list_all() -> Response:
    """Look for jobs of all people.

    Those that have not ended come first, the newest of them first; then those that have, those
    first that are kept longest. A page is found by looking at 2,000 jobs at most, or 1,000 with q;
    searched says how many. With q a key needs jobs:read too; without that scope what jobs were
    given and what they made is withheld.
    """
    query = read_query(AllJobsQuery)
    if query.q:
        require_scope(current_identity(), READ_SCOPE)
    page, searched = _find(query)
    filters = query.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"})
    more = {"searched": {"jobs": searched.jobs, "long_results": searched.long_results}}
    return page_answer("jobs", _listed(page.jobs), page.cursor, more=more, **filters)


@blueprint.post("/jobs")
@operator_required
@describe(
    "actOnJobs",
    body={JSON: BulkRequest},
    answers={200: Answer("What came of each.", BulkAnswer)},
    problems=(InvalidArguments, RequestError, UnsupportedMediaType, JobStoreUnavailable),
)
def act() -> Response:
    """Cancel, requeue or delete many jobs, whoever's they are.

    One after the other: what can't be done to one is said and stops no other. Each is written into
    the record before anything is done.
    """
    wanted = check_body(BulkRequest, read_json_object(), "The body does not say what to do.")
    engine, ids = api_state().engine, list(dict.fromkeys(wanted.jobs))
    jobs = engine.jobs.find_many(ids)
    deeds = begin_deeds(wanted.act, [(f"job {job.id}", job.owner.id) for job in jobs])
    answers: list[ActAnswer] = []
    try:
        answers.extend(act_on(engine, Act(wanted.act), jobs))
    finally:  # also of those that were done before Redis went away
        end_deeds({deed: each.outcome for deed, each in zip(deeds, answers, strict=False)})
    refused = [
        {"id": each.job_id, "code": each.code, "detail": each.refused}
        for each in answers
        if each.refused
    ]
    return jsonify(
        done=[each.job_id for each in answers if not each.refused],
        refused=refused,
        absent=[each for each in ids if each not in {job.id for job in jobs}],
    )


def _find(query: AllJobsQuery) -> tuple[Page, Searched]:
    place, state = query.place(), api_state()
    if query.cursor is not None and (":" in query.cursor) != (query.person is None):
        detail = "This is next_cursor of a page with other filters."
        raise InvalidQuery([QueryProblem(parameter="cursor", detail=detail)])
    if query.person is None:
        wanted = WantedJobs(text=query.q, statuses=place["statuses"], task=place["task"])
        return state.operators.jobs.find(wanted, limit=place["limit"], cursor=place["cursor"])
    if query.q:
        return state.engine.search.find(query.person, query.q, **place)
    page = state.engine.jobs.list_of(query.person, **place)
    return page, Searched(jobs=len(page.jobs))


def _listed(jobs: tuple[Job, ...]) -> list[dict[str, Any]]:
    holders = api_state().engine.jobs.find_holders([job.id for job in jobs])
    has_contents = sees_contents()
    return [
        {
            **(summary_json(job, staff=True) if has_contents else _receipt(job)),
            "instance": holder.instance,
        }
        for job, holder in zip(jobs, holders, strict=True)
    ]


def _receipt(job: Job) -> dict[str, Any]:
    receipt = receipt_json(job)
    del receipt["result"]
    return receipt
