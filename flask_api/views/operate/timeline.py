"""When the attempts of the last minutes ran, and where."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.http.operators.access import viewer_required
from flask_api.http.query import read_query
from flask_api.http.state import api_state
from flask_api.jobs.operating.timeline import LONGEST_MINUTES, MOST_SHOWN, TimedAttempt
from flask_api.jobs.records.job import format_time
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import Id
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate_timeline", __name__, url_prefix="/operate")


class TimelineQuery(BaseModel):
    """How far back."""

    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(10, ge=1, le=LONGEST_MINUTES, description="Up to now.")


class TimedAttemptJson(BaseModel):
    """The last attempt of a job."""

    job: Id
    task: str
    status: Literal["running", "succeeded", "failed", "cancelled"]
    executor: str
    instance: Annotated[str, Field(description="the process or worker that held it")]
    attempt: int
    slot: Annotated[
        int | None, Field(description="which slot of its executor ran it; null while it runs")
    ]
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    failed_at: Annotated[
        list[AwareDatetime],
        Field(description="when earlier attempts ended; of the first ones with 1 MB of errors"),
    ]


class TimelineJson(BaseModel):
    """What ran from begin to end, which is now."""

    begin: AwareDatetime
    end: AwareDatetime
    attempts: Annotated[
        list[TimedAttemptJson],
        Field(description="what runs, then what ended last", max_length=MOST_SHOWN),
    ]
    is_whole: Annotated[bool, Field(description="false: there may be more than was looked at")]


@blueprint.get("/timeline")
@viewer_required
@describe(
    "getTimeline",
    query=TimelineQuery,
    answers={200: Answer("At most 500 attempts.", TimelineJson)},
    problems=(JobStoreUnavailable,),
)
def show() -> Response:
    """See what ran where in the last minutes.

    One attempt of each job, its last, of all people: those that run, then those that ended last,
    500 at most. They are found among the 5,000 oldest unfinished jobs and the 1,000 that ended
    last; is_whole says whether there can be more. A job that waits for its next
    attempt is not among them. What jobs were given and what they made is not shown.
    """
    found = api_state().operators.timeline(minutes=read_query(TimelineQuery).minutes)
    return jsonify(
        begin=format_time(found.begin),
        end=format_time(found.end),
        attempts=[_attempt(each) for each in found.attempts],
        is_whole=found.is_whole,
    )


def _attempt(attempt: TimedAttempt) -> dict[str, Any]:
    ended = attempt.finished_at
    return {
        "job": attempt.job_id,
        "task": attempt.task,
        "status": attempt.status.value,
        "executor": attempt.executor,
        "instance": attempt.instance,
        "attempt": attempt.number,
        "slot": attempt.slot,
        "started_at": format_time(attempt.started_at),
        "finished_at": None if ended is None else format_time(ended),
        "failed_at": [format_time(each) for each in attempt.failed_at],
    }
