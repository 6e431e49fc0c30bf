"""How a job looks as JSON."""

import json
from datetime import datetime
from typing import Any

from flask_api.gate.addresses import script_root
from flask_api.http.job_requests import PRIORITIES
from flask_api.jobs.errors import JobFailed, JobUnfinished, JobWasCancelled
from flask_api.jobs.records.job import Job, JobStatus, format_time
from flask_api.tasks.tables.page import ROWS_FILE

JOBS_PATH = "/jobs"
# What lies below a job's own address. Asking the router for each of these was a fifth of a small
# request.
_BELOW = ("result", "log", "events", "cancel", "retry")
# What a receipt has in place of contents.
_EMPTY: dict[str, Any] = {
    "arguments": {},
    "attempts": [],
    "progress": None,
    "result": None,
    "error": None,
    "files": [],
}
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def job_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the whole record. A traceback is for staff: it may show what the service holds."""
    return {**summary_json(job, staff=staff), "result": job.result}


def receipt_json(job: Job) -> dict[str, Any]:
    """Return the record without what the job was given and what it made:
    where it is and how it stands.

    ``withheld`` names the members that are left empty.
    """
    record = {name: _EMPTY.get(name, value) for name, value in job_json(job, staff=False).items()}
    return {**record, "links": {"self": job_url(job)}, "withheld": list(_EMPTY)}


def job_url(job: Job) -> str:
    """Return the address of a job's record."""
    return f"{script_root()}{JOBS_PATH}/{job.id}"


def summary_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the record without its result, for listings."""
    here = job_url(job)
    return {
        "id": job.id,
        "task": job.task,
        "arguments": json.loads(job.arguments),
        "status": job.status,
        "executor": job.executor,
        "owner": {"id": job.owner.id, "username": job.owner.username},
        "batch": job.batch,
        "priority": _PRIORITY_NAMES.get(job.priority, "normal"),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "attempts": job.attempts,
        "cancel_requested": job.cancel_requested,
        "progress": job.progress,
        "error": _error_json(job.error, staff=staff),
        # names need no quoting
        "files": [{**file, "link": f"{here}/files/{file['name']}"} for file in job.files],
        "submitted_at": format_time(job.submitted_at),
        "start_at": _time(job.start_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "expires_at": _time(job.expires_at),
        "links": {"self": here, **{name: f"{here}/{name}" for name in (*_BELOW, *_for_rows(job))}},
    }


def _for_rows(job: Job) -> tuple[str, ...]:
    return ("rows", "share") if any(file["name"] == ROWS_FILE for file in job.files) else ()


def result_of(job: Job, *, staff: bool) -> Any:
    """Return what the task returned; raises JobUnfinished,
    JobFailed or JobWasCancelled when it returned nothing."""
    if job.status is JobStatus.SUCCEEDED:
        return job.result
    if job.status is JobStatus.CANCELLED:
        raise JobWasCancelled("The job was cancelled, so it has no result.")
    if job.status is JobStatus.FAILED:
        error = _error_json(job.error, staff=staff) or {}
        raise JobFailed(
            f"The job failed: {error.get('type')}: {error.get('message')}", job_error=error
        )
    raise JobUnfinished(f"The job is {job.status}: it has no result yet.")


def _error_json(error: dict[str, Any] | None, *, staff: bool) -> dict[str, Any] | None:
    if error is None or staff:
        return error
    return {name: value for name, value in error.items() if name != "traceback"}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
