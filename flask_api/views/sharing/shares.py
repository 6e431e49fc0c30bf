"""Show a job to others: at an address of its own, to named people, a group or everybody who has it,
until its time is over or you end it. See docs/sharing.md."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from flask import Blueprint, Response, jsonify, url_for
from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field, model_validator

from flask_api.gate.extension import current_principal
from flask_api.gate.requirements import scope_required
from flask_api.http.job_json import job_url
from flask_api.http.job_requests import check_body, viewer
from flask_api.http.json_body import read_json_object
from flask_api.http.state import api_state
from flask_api.jobs.errors import JobExpired, JobNotFound, ShareNotFound, TooManyShares
from flask_api.jobs.records.job import Job, JobStatus, format_time
from flask_api.jobs.sharing.share import (
    DEFAULT_LIFE_S,
    MAX_LIFE_S,
    MAX_NAME,
    MAX_NAMES,
    MAX_NAMES_BYTES,
    MIN_LIFE_S,
    Share,
    Terms,
    normal_name,
)
from flask_api.operation.describe import JSON, Answer, describe
from flask_api.operation.shapes import Id, Path
from shared.errors import JobStoreFull, JobStoreUnavailable

blueprint = Blueprint("shares", __name__)
PLACE_IN_DOCS = 4

AudienceName = Literal["link", "people", "group"]
ShownName = Literal["arguments", "files", "owner"]
Username = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class ShareRequest(BaseModel):
    """With whom a job is shared, for how long, and what is shown of it beside status, progress,
    log and result."""

    model_config = ConfigDict(extra="forbid", strict=True)

    audience: AudienceName = Field(
        "link", description="Of those who are logged in and have the address: all, or only these."
    )
    people: Annotated[list[Username], FailFast()] = Field(
        [], max_length=MAX_NAMES, description="Their usernames, for the audience people."
    )
    group: str = Field("", max_length=MAX_NAME, description="For the audience group.")
    shows: Annotated[list[ShownName], FailFast()] = Field([], max_length=3)
    expires_in_s: int = Field(
        DEFAULT_LIFE_S,
        ge=MIN_LIFE_S,
        le=MAX_LIFE_S,
        description="It ends with the job at the latest.",
    )

    @model_validator(mode="after")
    def _names_its_audience(self) -> Self:
        if bool(self.people) != (self.audience == "people"):
            raise ValueError('give people for the audience "people", and for no other')
        if bool(self.group.strip()) != (self.audience == "group"):
            raise ValueError('give group for the audience "group", and for no other')
        _check_names((*self.people, self.group))
        # What is stored may be longer: one letter of these names can become eighteen.
        people = [normal_name(name) for name in self.people]
        if not all(people):
            raise ValueError("give names that are not blank")
        _check_names((*people, normal_name(self.group)))
        return self


def _check_names(names: Sequence[str]) -> None:
    """Raise ValueError for names that are too long or look like others."""
    if max(map(len, names)) > MAX_NAME:
        raise ValueError(f"give names of at most {MAX_NAME} characters")
    if sum(len(name.encode()) for name in names) > MAX_NAMES_BYTES:
        raise ValueError(f"give names of at most {MAX_NAMES_BYTES:,} bytes together")
    if not all(map(str.isprintable, names)):
        raise ValueError("give names without hidden signs")


class ShareJson(BaseModel):
    """A share, as its owner sees it."""

    id: str
    job: Id
    task: str
    status: JobStatus
    audience: AudienceName
    people: list[str]
    group: str
    shows: list[ShownName]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    links: dict[str, Path]


class NewShareJson(ShareJson):
    """A new share. Nobody can ask for its address again: the token is not stored."""

    url: Path
    token: str


class SharesJson(BaseModel):
    """Shares, the latest first."""

    shares: list[ShareJson]


class OnlookersJson(BaseModel):
    """Who looks on just now."""

    count: int
    people: Annotated[list[str], Field(description="usernames, at most fifty")]


OF_OWN_JOB = (JobNotFound, JobExpired, JobStoreUnavailable)


@blueprint.post("/jobs/<uuid:job_id>/shares")
@scope_required("jobs:submit")
@scope_required("jobs:read")
@describe(
    "shareJob",
    body={JSON: ShareRequest},
    answers={201: Answer("The job is shared.", NewShareJson, headers=("Location",))},
    problems=(*OF_OWN_JOB, TooManyShares, JobStoreFull),
)
def share(job_id: Any) -> tuple[Response, int, dict[str, str]]:
    """Share your own job, at an address that only this answer names.

    Who looks on sees status, progress, log, result and rows, live, and changes nothing. Names of
    people and groups are compared when somebody looks: a name that nobody has is taken, too.
    """
    job = _own(job_id)
    wanted = check_body(ShareRequest, read_json_object(), "The body does not say how to share.")
    terms = Terms.of(wanted.audience, people=wanted.people, group=wanted.group, shows=wanted.shows)
    made, token = api_state().shares.make(job, terms, life_s=wanted.expires_in_s)
    url = url_for("shared.show", token=token)
    return jsonify({**_json(made, job), "url": url, "token": token}), 201, {"Location": url}


@blueprint.get("/jobs/<uuid:job_id>/shares")
@scope_required("jobs:read")
@describe(
    "listJobShares",
    answers={200: Answer("The job's shares, the latest first.", SharesJson)},
    problems=OF_OWN_JOB,
)
def of_job(job_id: Any) -> Response:
    """List the shares of your own job. Their addresses are not among what is kept."""
    job = _own(job_id)
    shares = api_state().shares.of(job.owner.id, job_id=job.id)
    return jsonify(shares=[_json(each, job) for each in shares])


@blueprint.get("/jobs/<uuid:job_id>/onlookers")
@scope_required("jobs:read")
@describe(
    "listOnlookers",
    answers={200: Answer("Who looks on.", OnlookersJson)},
    problems=OF_OWN_JOB,
)
def onlookers(job_id: Any) -> Response:
    """See who looks on at your own job just now, of those with whom it is shared.

    Who has it open, or asked for any of it within the last seconds.
    """
    found = api_state().onlookers.of(_own(job_id).id)
    return jsonify(count=found.count, people=found.people)


@blueprint.get("/shares")
@scope_required("jobs:read")
@describe(
    "listShares",
    python="for share in client.shares():\n    print(share)",
    command="gatehouse shares",
    answers={200: Answer("Your shares, the latest first.", SharesJson)},
    problems=(JobStoreUnavailable,),
)
def of_person() -> Response:
    """List all that you share."""
    shares = api_state().shares.of(current_principal().id)
    return jsonify(shares=_all_json(shares))


@blueprint.delete("/shares/<share_id>")
@scope_required("jobs:submit")
@describe(
    "endShare",
    python="client.end_share({share_id})",
    command="gatehouse shares --end {share_id}",
    answers={204: Answer("The address opens nothing any more.")},
    problems=(ShareNotFound, JobStoreUnavailable),
)
def end(share_id: str) -> tuple[str, int]:
    """End a share of yours.

    From the next request on its address opens nothing; who follows it live is shown no more within
    two seconds.
    """
    api_state().shares.end(current_principal().id, share_id)
    return "", 204


def _own(job_id: object) -> Job:
    """Find a job of the asking person's own: staff may look at everything, but not give it away."""
    return api_state().engine.get(str(job_id), viewer=viewer())


def _all_json(shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Return those whose jobs are still there."""
    jobs = api_state().shares.jobs_of(shares)
    return [_json(each, jobs[each.job]) for each in shares if each.job in jobs]


def _json(share: Share, job: Job) -> dict[str, Any]:
    terms = share.terms
    return {
        "id": share.id,
        "job": job.id,
        "task": job.task,
        "status": job.status,
        "audience": terms.audience,
        "people": terms.people,
        "group": terms.group,
        "shows": sorted(terms.shows),
        "created_at": format_time(share.made_at),
        "expires_at": format_time(share.ends_with(job.expires_at)),
        "links": {"self": url_for("shares.end", share_id=share.id), "job": job_url(job)},
    }
