"""Submit jobs, look at them, wait for them, stop them. A job of another person does not exist here:
404."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify

from flask_api.gate.extension import current_identity, current_principal
from flask_api.gate.requirements import require_scope, scope_required
from flask_api.http.answers import OwnJobsQuery, page_answer, rate_limit_headers, with_etag
from flask_api.http.job_answer import (
    file_answer,
    listed,
    look_at_job,
    looked_at,
    record_answer,
    result_of,
    wait_for_end,
)
from flask_api.http.job_json import (
    JOBS_PATH,
    JobPage,
    JobRecordJson,
)
from flask_api.http.job_requests import (
    REFUSALS,
    JobRequest,
    is_staff,
    may_submit,
    read_job_request,
)
from flask_api.http.query import read_query
from flask_api.http.reach import job_to_act_on, job_to_see
from flask_api.http.state import api_state
from flask_api.http.wait import WaitQuery, read_wait, resumption
from flask_api.jobs.errors import (
    IdempotencyConflict,
    IllegalTransition,
    JobExpired,
    JobFailed,
    JobNotFound,
    JobUnfinished,
    JobWasCancelled,
)
from flask_api.operation.describe import JSON, Answer, describe
from flask_api.operation.headers import IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("jobs", __name__, url_prefix=JOBS_PATH)
PLACE_IN_DOCS = 2

# What may be wrong with any job that is asked for by its id.
OF_A_JOB = (JobNotFound, JobExpired, JobStoreUnavailable)
RECORD = Answer("The record.", JobRecordJson, may_have=("Retry-After",), identifies="job_id")


@blueprint.post("")
@may_submit
@describe(
    "submitJob",
    body={JSON: JobRequest},
    per_task=True,
    query=WaitQuery,
    headers=(IDEMPOTENCY_KEY, PREFER),
    answers={
        202: Answer(
            "The job is stored durably. With wait it may have ended already.",
            JobRecordJson,
            headers=("Location", "RateLimit", "RateLimit-Policy"),
            may_have=("Retry-After",),
            identifies="job_id",
        )
    },
    # the job of a key that was sent before may be gone
    problems=(*REFUSALS, IdempotencyConflict, JobNotFound, JobExpired),
    python="print(client.submit({task}, {arguments}{&priority,delay_s}).id)",
    command="gatehouse submit {task}{arguments=}{?priority,delay_s:delay}",
)
def submit() -> Response:
    """Submit a job.

    The job is stored durably before the answer is sent. A key for one task only has the scope
    tasks:<its name>; to wait, a key needs jobs:read too.
    """
    before, wait = resumption(), read_wait()
    if wait.seconds:
        require_scope(current_identity(), "jobs:read")
    engine = api_state().engine
    submitted = engine.submit(**read_job_request()) if before is None else before.kept
    job = submitted.job or job_to_see(submitted.id)
    if wait.seconds:
        job = wait_for_end(job, wait.seconds, kept=replace(submitted, job=None))
    limits = rate_limit_headers(
        limit=engine.settings.job_person_limit, unfinished=submitted.unfinished
    )
    return record_answer(job, status=202, is_new=True, more={**limits, **wait.headers})


@blueprint.get("")
@scope_required("jobs:read")
@describe(
    "listJobs",
    query=OwnJobsQuery,
    answers={200: Answer("A page, newest first.", JobPage)},
    problems=(JobStoreUnavailable,),
    python="for job in client.jobs({?status,task}):\n    print(job)",
    command="gatehouse jobs{?status,task,limit}",
)
def list_jobs() -> Response:
    """List your own jobs, newest first, without their results.

    Follow links.next until there is none. New jobs don't shift the pages:
    the cursor is a place, not a number. With q, ``searched`` says how many jobs were looked at for
    this page, a thousand at most, and how many of their results are too long to be searched. With
    under_way, unfinished jobs besides, and how many there are, those of batches too.
    """
    query, engine, more = read_query(OwnJobsQuery), api_state().engine, dict[str, Any]()
    person_id = current_principal().id
    if query.q is None:
        page = engine.jobs.list_of(person_id, **query.place())
    else:
        page, searched = engine.search.find(person_id, query.q, **query.place())
        more = {"searched": {"jobs": searched.jobs, "long_results": searched.long_results}}
    if query.under_way:
        more["unfinished"] = engine.under_way.count(person_id)
        found = (
            engine.under_way.find(person_id, limit=query.under_way) if more["unfinished"] else []
        )
        more["under_way"] = listed(found)
    filters = query.model_dump(mode="json", exclude_defaults=True, exclude={"cursor", "under_way"})
    return page_answer("jobs", listed(page.jobs), page.cursor, more=more, **filters)


@blueprint.get("/<uuid:job_id>")
@scope_required("jobs:read")
@describe(
    "getJob",
    query=WaitQuery,
    headers=(IF_NONE_MATCH, PREFER),
    answers={200: RECORD},
    problems=OF_A_JOB,
    python="print(client.job({job_id}).record.raw)",
)
def show(job_id: Any) -> Response:
    """Look at a job, at once or when it has ended.

    With wait the record is compared to If-None-Match after the wait:
    304 then says that nothing has changed.
    """
    job, waited = look_at_job(job_id)
    answer = looked_at(job)
    answer.headers.update(waited)
    return with_etag(answer)


@blueprint.get("/<uuid:job_id>/result")
@scope_required("jobs:read")
@describe(
    "getJobResult",
    query=WaitQuery,
    headers=(IF_NONE_MATCH, PREFER),
    answers={200: Answer("What the task returned, as it is: any JSON value.", {})},
    problems=(*OF_A_JOB, JobUnfinished, JobFailed, JobWasCancelled),
    python="print(client.job({job_id}).result({?wait:timeout_s}))",
    command="gatehouse result {job_id}{?wait:timeout}",
)
def result(job_id: Any) -> Response:
    """Get the bare result of a job that succeeded.

    Nothing is wrapped around it. A job that has not ended, failed or was cancelled has none:
    409, and code says which.
    """
    job, waited = look_at_job(job_id)
    answer = jsonify(result_of(job, staff=is_staff()))
    answer.headers.update(waited)
    return with_etag(answer)


@blueprint.post("/<uuid:job_id>/cancel")
@scope_required("jobs:cancel")
@describe(
    "cancelJob",
    answers={
        200: Answer("It is cancelled.", JobRecordJson),
        202: Answer(
            "It is asked to stop: cancel_requested.", JobRecordJson, may_have=("Retry-After",)
        ),
    },
    problems=(*OF_A_JOB, IllegalTransition),
    python="print(client.job({job_id}).cancel().status)",
    command="gatehouse cancel {job_id}",
)
def cancel(job_id: Any) -> Response:
    """Cancel a job.

    At once while it waits; a running one says cancel_requested until it has stopped.
    """
    api_state().engine.cancel(job_to_act_on(job_id, "cancel"))
    job = job_to_see(job_id)
    return record_answer(job, status=200 if job.status.is_outcome else 202)


@blueprint.post("/<uuid:job_id>/retry")
@scope_required("jobs:submit")
@describe(
    "retryJob",
    answers={202: Answer("It is queued again.", JobRecordJson, may_have=("Retry-After",))},
    problems=(*REFUSALS, *OF_A_JOB, IllegalTransition),
    python="print(client.job({job_id}).retry().status)",
    command="gatehouse retry {job_id}",
)
def retry(job_id: Any) -> Response:
    """Queue a failed or cancelled job again."""
    api_state().engine.retry(job_to_act_on(job_id, "retry"))
    return record_answer(job_to_see(job_id), status=202)


@blueprint.delete("/<uuid:job_id>")
@scope_required("jobs:cancel")
@describe(
    "deleteJob",
    answers={204: Answer("It is gone, with all that it kept.")},
    problems=(*OF_A_JOB, IllegalTransition),
    python="client.delete({job_id})",
    command="gatehouse delete {job_id}",
)
def delete(job_id: Any) -> tuple[str, int]:
    """Delete a job, once it has ended: its record, result, log, state, files and shares.

    From then on it is 404, and its Idempotency-Key is free. Cancel an unfinished one first; a job
    of a batch is deleted with its batch.
    """
    api_state().engine.delete(job_to_act_on(job_id, "delete"))
    return "", 204


@blueprint.get("/<uuid:job_id>/files/<name>")
@scope_required("jobs:read")
@describe(
    "getJobFile",
    answers={
        200: Answer("The file's bytes.", {}, media_type="*/*", headers=("Content-Disposition",))
    },
    problems=OF_A_JOB,
    python="print(client.job({job_id}).download({name}))",
    command="gatehouse files {job_id} {name}",
)
def read_file(job_id: Any, name: str) -> Response:
    """Download one of a job's files.

    Always a download: what a task wrote is not a page of this site.
    """
    return file_answer(job_to_see(job_id), name)
