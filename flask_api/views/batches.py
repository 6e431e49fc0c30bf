"""Many jobs of one task at once: accepted all or none, watched as one, results as they come."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_principal
from flask_api.gate.requirements import scope_required
from flask_api.gate.state import gate_state
from flask_api.http.answers import (
    BatchJobsQuery,
    Passed,
    page_answer,
    rate_limit_headers,
    with_etag,
)
from flask_api.http.batch_json import (
    BatchJobs,
    BatchPage,
    BatchRecordJson,
    BatchResult,
    batch_json,
    result_json,
)
from flask_api.http.job_answer import listed
from flask_api.http.job_requests import (
    REFUSALS,
    BatchRequest,
    access_to,
    may_submit,
    read_batch_request,
)
from flask_api.http.query import Cursor, read_query
from flask_api.http.reach import batch_to_act_on, batch_to_see
from flask_api.http.state import api_state
from flask_api.http.wait import PausingResponse, can_park, within
from flask_api.jobs.errors import (
    IdempotencyConflict,
    IllegalTransition,
    JobExpired,
    JobNotFound,
)
from flask_api.jobs.records.job import Job
from flask_api.operation.describe import JSON, NDJSON, Answer, describe
from flask_api.operation.headers import IDEMPOTENCY_KEY, IF_NONE_MATCH
from flask_api.streams.access import Access, Verdict
from flask_api.streams.news import NewsPause
from shared.errors import JobStoreUnavailable
from shared.http.parking import Pause

blueprint = Blueprint("batches", __name__, url_prefix="/batches")
PLACE_IN_DOCS = 3

OF_A_BATCH = (JobNotFound, JobExpired, JobStoreUnavailable)


class ResultsQuery(BaseModel):
    """Which results, in which order, and how long to wait for more."""

    model_config = ConfigDict(extra="forbid")

    order: Literal["completion", "submission"] = Field(
        "completion", description="In which order they come."
    )
    after: Passed = Field(0, description="How many you have already.")
    wait: float = Field(
        0, ge=0, allow_inf_nan=False, description="How many seconds to wait for more jobs to end."
    )


@blueprint.post("")
@may_submit
@describe(
    "submitBatch",
    body={JSON: BatchRequest},
    per_task=True,
    headers=(IDEMPOTENCY_KEY,),
    answers={
        202: Answer(
            "All of its jobs are stored durably.",
            BatchRecordJson,
            headers=("Location", "Retry-After", "RateLimit", "RateLimit-Policy"),
            identifies="batch_id",
        )
    },
    problems=(*REFUSALS, IdempotencyConflict, JobNotFound),
    python="print(client.submit_batch({task}, {arguments}{&priority}).id)",
)
def submit() -> tuple[Response, int, dict[str, str]]:
    """Submit many jobs of one task at once.

    All or none: a wrong set of arguments is named by its pointer, and then nothing is stored.
    """
    engine = api_state().engine
    submitted = engine.submit_batch(**read_batch_request(engine.settings))
    batch = batch_to_see(submitted.id)
    limits = rate_limit_headers(
        limit=engine.settings.job_person_limit, unfinished=submitted.unfinished
    )
    headers = {"Location": url_for("batches.show", batch_id=batch.id), "Retry-After": "1", **limits}
    return jsonify(batch_json(batch)), 202, headers


class BatchesQuery(BaseModel):
    """The page of a listing."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor | None = Field(None, description="next_cursor of the last page.")
    limit: int = Field(20, ge=1, le=100, description="Batches on a page.")
    under_way: int = Field(
        0,
        ge=0,
        le=50,
        description="Also so many batches at most that have not ended, wherever they stand in the"
        " listing.",
    )


@blueprint.get("")
@scope_required("jobs:read")
@describe(
    "listBatches",
    query=BatchesQuery,
    answers={200: Answer("A page, newest first.", BatchPage)},
    problems=(JobStoreUnavailable,),
    python="for batch in client.batches():\n    print(batch)",
)
def list_batches() -> Response:
    """List your own batches, newest first.

    Their jobs are not in the listing of jobs: that one has what was submitted singly.
    """
    query, found, more = read_query(BatchesQuery), api_state().engine.batches, dict[str, Any]()
    person_id = current_principal().id
    batches, cursor = found.list_of(person_id, limit=query.limit, cursor=query.cursor)
    if query.under_way:
        unfinished = found.under_way(person_id, limit=query.under_way)
        more["under_way"] = [batch_json(each) for each in unfinished]
    listed = [batch_json(each) for each in batches]
    return page_answer("batches", listed, cursor, more=more, limit=query.limit)


@blueprint.get("/<uuid:batch_id>")
@scope_required("jobs:read")
@describe(
    "getBatch",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("The record.", BatchRecordJson, identifies="batch_id")},
    problems=OF_A_BATCH,
    python="print(client.batch({batch_id}).counts)",
)
def show(batch_id: Any) -> Response:
    """Look at a batch: how many of its jobs are in which state."""
    return with_etag(jsonify(batch_json(batch_to_see(batch_id))))


@blueprint.get("/<uuid:batch_id>/jobs")
@scope_required("jobs:read")
@describe(
    "listBatchJobs",
    query=BatchJobsQuery,
    answers={200: Answer("A page, in the order of submission.", BatchJobs)},
    problems=OF_A_BATCH,
)
def list_batch_jobs(batch_id: Any) -> Response:
    """List a batch's jobs, without their results.

    ``instance`` tells which server process last held a job, and ``slot`` in which of its places it
    ended, so that it can be seen what ran beside what. A page with status may hold fewer than limit
    and still have a next one.
    """
    query, engine = read_query(BatchJobsQuery), api_state().engine
    jobs, following = engine.batches.jobs_of(
        batch_to_see(batch_id), after=query.after, limit=query.limit, statuses=query.statuses
    )
    holders = engine.jobs.find_holders([job.id for job in jobs])
    records = [
        {**record, "instance": holder.instance, "slot": holder.slot}
        for record, holder in zip(listed(jobs), holders, strict=True)
    ]
    return jsonify({"jobs": records, "next_after": following})


@blueprint.post("/<uuid:batch_id>/cancel")
@scope_required("jobs:cancel")
@describe(
    "cancelBatch",
    answers={
        202: Answer("Waiting jobs are cancelled, running ones asked to stop.", BatchRecordJson)
    },
    problems=OF_A_BATCH,
    python="print(client.batch({batch_id}).cancel().counts)",
)
def cancel(batch_id: Any) -> tuple[Response, int]:
    """Cancel all of a batch's jobs that have not ended."""
    api_state().engine.cancel_batch(batch_to_act_on(batch_id, "cancel"))
    return jsonify(batch_json(batch_to_see(batch_id))), 202


@blueprint.delete("/<uuid:batch_id>")
@scope_required("jobs:cancel")
@describe(
    "deleteBatch",
    answers={204: Answer("It is gone, with its jobs and all that they kept.")},
    problems=(*OF_A_BATCH, IllegalTransition),
    python="client.delete_batch({batch_id})",
    command="gatehouse delete {batch_id}",
)
def delete(batch_id: Any) -> tuple[str, int]:
    """Delete a batch, once all of its jobs have ended, with these and all that they kept.

    From then on it is 404, and its Idempotency-Key is free. Cancel an unfinished one first.
    """
    api_state().engine.delete_batch(batch_to_act_on(batch_id, "delete"))
    return "", 204


@blueprint.get("/<uuid:batch_id>/results")
@scope_required("jobs:read")
@describe(
    "getBatchResults",
    query=ResultsQuery,
    answers={200: Answer("One line for each job that has ended.", BatchResult, media_type=NDJSON)},
    problems=OF_A_BATCH,
    python="for result in client.batch({batch_id}).results({?order}):\n    print(result)",
)
def results(batch_id: Any) -> Response:
    """Read how a batch's jobs ended, as NDJSON.

    With wait the answer goes on as jobs end, until all have or that many seconds are over; then ask
    again with a larger after. It ends early when too many other requests wait.
    """
    query = read_query(ResultsQuery)
    wait_s = within(query.wait, gate_state().settings.max_wait_s)
    batch, until = batch_to_see(batch_id), time.monotonic() + wait_s
    access = access_to(batch.owner.id)
    # before the first look, so that nothing is missed between a look and a pause
    pause = (
        api_state().streams.pause_for_batch(
            batch, until=until, access=access, can_park=can_park(request.environ)
        )
        if wait_s
        else None
    )
    results = api_state().engine.batches.results(
        batch, in_order=query.order == "submission", after=query.after
    )
    answer = PausingResponse(
        _lines(results, pause, access, current_app.json.dumps),  # type: ignore[arg-type]
        mimetype=NDJSON,
    )
    if pause is not None:
        answer.call_on_close(pause.close)
    return answer


def _lines(
    results: Iterator[Job | None],
    pause: NewsPause | None,
    access: Access,
    to_json: Callable[[Any], str],
) -> Iterator[str | Pause]:
    """Yield a line for each job that has ended, and the pause when there is none; what is heard
    while Redis is looked at ends the next pause at once. Needs no request: it goes on in any
    thread."""
    while True:
        if pause is not None:
            pause.rearm()
        for job in results:
            if access.ask() is not Verdict.GRANTED:
                return
            if job is None:
                break
            yield to_json(result_json(job)) + "\n"
        else:
            return
        if pause is None or pause.is_over or time.monotonic() >= pause.until:
            return
        yield pause
