"""The last 72 hours by task."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, Field

from flask_api.http.operators.access import viewer_required
from flask_api.http.state import api_state
from flask_api.jobs.history.tally import BOUNDS
from flask_api.jobs.operating.times import EndedJobs, Spread, TaskTimes
from flask_api.jobs.records.job import format_time_s
from flask_api.operation.describe import Answer, describe
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate_times", __name__, url_prefix="/operate")


class EndedJson(BaseModel):
    """Jobs that ended, by outcome."""

    succeeded: int
    failed: int
    cancelled: int


class SpreadJson(BaseModel):
    """How long something took."""

    count: int
    mean_s: float
    half_within_s: Annotated[
        float | None, Field(description="half took at most so long; null: longer than the bounds")
    ]
    most_within_s: Annotated[float | None, Field(description="95 of 100 took at most so long")]
    buckets: Annotated[list[int], Field(description="how many within each bound, then the rest")]


class TaskTimesJson(BaseModel):
    """One task."""

    task: str
    ended: EndedJson
    waited: Annotated[SpreadJson, Field(description="from submission, or its time, to its begin")]
    ran: Annotated[SpreadJson, Field(description="each attempt")]
    by_hour: Annotated[list[EndedJson], Field(description="the oldest hour first")]


class TimesJson(BaseModel):
    """The last 72 hours."""

    begin: Annotated[AwareDatetime, Field(description="of the first hour")]
    bounds_s: Annotated[list[float], Field(description="of the buckets")]
    tasks: Annotated[list[TaskTimesJson], Field(description="the busiest first")]


@blueprint.get("/times")
@viewer_required
@describe(
    "listTimes",
    answers={200: Answer("Each task that ran.", TimesJson)},
    problems=(JobStoreUnavailable,),
)
def show() -> Response:
    """See what ended in the last 72 hours, and how long it waited and ran.

    Times are known by buckets, so a bound is told, not a time. Every process adds what it counted
    every few seconds; what one had not yet when it was killed is missing.
    """
    begin, tasks = api_state().operators.times()
    return jsonify(
        begin=format_time_s(begin), bounds_s=list(BOUNDS), tasks=[_task(each) for each in tasks]
    )


def _task(times: TaskTimes) -> dict[str, Any]:
    return {
        "task": times.task,
        "ended": _ended(times.ended),
        "waited": _spread(times.waited),
        "ran": _spread(times.ran),
        "by_hour": [_ended(each) for each in times.by_hour],
    }


def _ended(ended: EndedJobs) -> dict[str, int]:
    return ended._asdict()


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "count": spread.count,
        "mean_s": round(spread.mean_s, 3),
        "half_within_s": spread.at_most_s(0.5),
        "most_within_s": spread.at_most_s(0.95),
        "buckets": list(spread.buckets),
    }
