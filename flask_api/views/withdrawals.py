"""Cancel chosen jobs of a batch, but none that has begun:
what ``Future.cancel`` and ``shutdown(cancel_futures=True)`` mean."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, FailFast, Field

from flask_api.gate.requirements import scope_required
from flask_api.http.job_requests import check_body
from flask_api.http.json_body import UnsupportedMediaType, read_json_object
from flask_api.http.reach import batch_to_act_on
from flask_api.http.state import api_state
from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from flask_api.operation.describe import JSON, Answer, describe
from flask_api.views.batches import OF_A_BATCH
from shared.errors import RequestError

blueprint = Blueprint("withdrawals", __name__, url_prefix="/batches")

_MOST = 10_000

Positions = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=_MOST), FailFast()
]


class Withdrawal(BaseModel):
    """Which jobs of the batch, by their places in the order of submission."""

    model_config = ConfigDict(extra="forbid", strict=True)

    positions: Positions


class Withdrawn(BaseModel):
    """Which of them are cancelled now; the others have begun, or have ended."""

    cancelled: list[int]


@blueprint.post("/<uuid:batch_id>/withdraw")
@scope_required("jobs:cancel")
@describe(
    "withdrawJobs",
    body={JSON: Withdrawal},
    answers={200: Answer("Those that had not begun are cancelled.", Withdrawn)},
    problems=(*OF_A_BATCH, InvalidArguments, RequestError, UnsupportedMediaType),
)
def withdraw(batch_id: Any) -> Response:
    """Cancel those of a batch's jobs that have not begun.

    A job that begins in this very moment is asked to stop instead, as by cancel.
    """
    batch = batch_to_act_on(batch_id, "cancel jobs of")
    positions = check_body(
        Withdrawal, read_json_object(), "The body does not say which jobs."
    ).positions
    if max(positions) >= batch.total:
        detail = (
            f"must be 1 to {_MOST} places in the order of submission, from 0 to {batch.total - 1}"
        )
        raise InvalidArguments(
            "The body does not say which jobs.",
            problems=[ArgumentProblem(pointer="/positions", detail=detail)],
        )
    return jsonify(cancelled=api_state().engine.withdraw(batch, positions))
