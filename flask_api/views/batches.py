"""Many jobs of one task at once: accepted all or none, watched as one, results as they come."""

import time
from collections.abc import Iterator
from typing import Any, Literal

from flask import Blueprint, Response, current_app, jsonify, request, stream_with_context, url_for
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import gate_state
from flask_api.gate.requirements import login_required, scope_required
from flask_api.jobs.batches import Batch
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from flask_api.jobs.record import Job, format_time
from flask_api.query import read_query
from flask_api.rate_limit import rate_limit_headers
from flask_api.views.engine import current_engine
from flask_api.views.job_requests import PRIORITIES, BatchRequest, is_staff, read_request, viewer

blueprint = Blueprint("batches", __name__, url_prefix="/batches")

_LOOK_EVERY_S = 0.1


class ResultsQuery(BaseModel):
    """Which results, in which order, and how long to wait for more."""

    model_config = ConfigDict(extra="forbid")

    order: Literal["completion", "submission"] = "completion"
    after: int = Field(0, ge=0)
    wait: float = Field(0, ge=0, le=300, allow_inf_nan=False)


@blueprint.post("")
@login_required
def submit() -> tuple[Response, int, dict[str, str]]:
    """Accept a batch: 202 with its record and Location. All of its jobs are durable before the answer is sent."""
    engine = current_engine()
    request.max_content_length = engine.settings.batch_body_max_bytes
    wanted, idempotency = read_request(BatchRequest)
    if len(wanted.arguments) > engine.settings.batch_max:
        problem = ArgumentProblem(pointer="/arguments", detail=f"accepted are at most {engine.settings.batch_max} sets")
        raise InvalidArguments("The batch is too large.", problems=[problem])
    submitted = engine.submit_batch(
        wanted.task, wanted.arguments, owner=viewer(), priority=PRIORITIES[wanted.priority], idempotency=idempotency
    )
    batch = _find(submitted.id)
    limits = rate_limit_headers(limit=engine.settings.job_person_limit, unfinished=submitted.unfinished)
    headers = {"Location": url_for("batches.show", batch_id=batch.id), "Retry-After": "1", **limits}
    return jsonify(batch_json(batch)), 202, headers


@blueprint.get("/<uuid:batch_id>")
@scope_required("jobs:read")
def show(batch_id: Any) -> Response:
    """Return the batch's record."""
    return jsonify(batch_json(_find(batch_id)))


@blueprint.post("/<uuid:batch_id>/cancel")
@scope_required("jobs:cancel")
def cancel(batch_id: Any) -> tuple[Response, int]:
    """Cancel all of its jobs that have not ended."""
    current_engine().cancel_batch(_find(batch_id))
    return jsonify(batch_json(_find(batch_id))), 202


@blueprint.get("/<uuid:batch_id>/results")
@scope_required("jobs:read")
def results(batch_id: Any) -> Response:
    """Return ended jobs as NDJSON, a line each, from number ``after`` on.

    With ``wait``, go on as jobs end until all have, or none has for so many seconds; then ask again with a larger ``after``.
    """
    query = read_query(ResultsQuery)
    batch, engine = _find(batch_id), current_engine()
    wait_s = min(query.wait, gate_state().settings.max_wait_s)
    lines = _lines(engine, batch, in_order=query.order == "submission", after=query.after, wait_s=wait_s)
    return Response(stream_with_context(lines), mimetype="application/x-ndjson")


def batch_json(batch: Batch) -> dict[str, Any]:
    """Return a batch as the API shows it."""
    return {
        "id": batch.id,
        "task": batch.task,
        "total": batch.total,
        "counts": batch.counts,
        "progress": {"done": batch.done, "total": batch.total},
        "submitted_at": format_time(batch.submitted_at),
        "finished_at": None if batch.finished_at is None else format_time(batch.finished_at),
        "links": {
            "self": url_for("batches.show", batch_id=batch.id),
            "results": url_for("batches.results", batch_id=batch.id),
            "cancel": url_for("batches.cancel", batch_id=batch.id),
        },
    }


def _lines(engine: JobEngine, batch: Batch, *, in_order: bool, after: int, wait_s: float) -> Iterator[str]:
    last_result_at = time.monotonic()

    def wait() -> bool:
        if engine.is_draining or time.monotonic() - last_result_at >= wait_s:
            return False
        engine.pause(_LOOK_EVERY_S)
        return True

    for job in engine.results(batch, in_order=in_order, after=after, wait=wait):
        yield current_app.json.dumps(_result(job)) + "\n"
        last_result_at = time.monotonic()


def _result(job: Job) -> dict[str, Any]:
    error = None if job.error is None else {name: text for name, text in job.error.items() if name != "traceback"}
    return {"position": job.position, "id": job.id, "status": job.status, "result": job.result, "error": error}


def _find(batch_id: object) -> Batch:
    return current_engine().get_batch(str(batch_id), viewer=viewer(), sees_all=is_staff())
