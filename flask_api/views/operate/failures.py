"""What failed lately, grouped by error."""

from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.http.operators.access import viewer_required
from flask_api.http.query import read_query
from flask_api.http.reach import sees_contents
from flask_api.http.state import api_state
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import Id
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("operate_failures", __name__, url_prefix="/operate")


class FailuresQuery(BaseModel):
    """Of which task."""

    model_config = ConfigDict(extra="forbid")

    task: Annotated[str, Field(max_length=100)] | None = Field(None, description="Only of this.")


class FailureGroupJson(BaseModel):
    """Failures of one task whose errors are alike but for numbers."""

    task: str
    type: Annotated[str, Field(description="empty for keys without jobs:read")]
    message: Annotated[str, Field(description="of one of them; empty for keys without jobs:read")]
    count: int
    people: Annotated[int, Field(description="how many people's jobs these are")]
    last_at: AwareDatetime | None
    examples: Annotated[list[Id], Field(description="some of the jobs")]


class FailuresJson(BaseModel):
    """The most frequent groups."""

    groups: list[FailureGroupJson]
    looked_at: Annotated[int, Field(description="ended jobs among which these were found")]
    others: Annotated[int, Field(description="failed jobs in groups that are not shown")]


@blueprint.get("/failures")
@viewer_required
@describe(
    "listFailures",
    query=FailuresQuery,
    answers={200: Answer("The most frequent first.", FailuresJson)},
    problems=(JobStoreUnavailable,),
)
def show() -> Response:
    """See what failed lately, grouped by error.

    Looks at up to 5,000 of the jobs that ended last, of all people.
    """
    found = api_state().operators.failures(task=read_query(FailuresQuery).task)
    has_contents = sees_contents()
    groups = [
        {
            "task": group.task,
            "type": group.type if has_contents else "",
            "message": group.message if has_contents else "",
            "count": group.count,
            "people": len(group.people),
            "last_at": group.last_at or None,
            "examples": group.examples,
        }
        for group in found.groups
    ]
    return jsonify(groups=groups, looked_at=found.looked_at, others=found.others)
