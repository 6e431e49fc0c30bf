"""How a job looks as JSON."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import url_for

from flask_api.jobs.record import Job, format_time
from flask_api.views.job_requests import PRIORITIES

_LINKS = {"self": "jobs.show", "log": "jobs.read_log", "cancel": "jobs.cancel", "retry": "jobs.retry"}
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def job_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the whole record. A traceback is for staff: it may show what the service holds."""
    return {**summary_json(job, staff=staff), "result": job.result}


def summary_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the record without its result, for listings."""
    return {
        "id": job.id,
        "task": job.task,
        "arguments": job.arguments,
        "status": job.status,
        "executor": job.executor,
        "owner": asdict(job.owner),
        "batch": job.batch,
        "priority": _PRIORITY_NAMES.get(job.priority, "normal"),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "attempts": job.attempts,
        "cancel_requested": job.cancel_requested,
        "progress": job.progress,
        "error": _error_json(job.error, staff=staff),
        "files": [{**file, "link": url_for("jobs.read_file", job_id=job.id, name=file["name"])} for file in job.files],
        "submitted_at": format_time(job.submitted_at),
        "start_at": _time(job.start_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "expires_at": _time(job.expires_at),
        "links": {name: url_for(endpoint, job_id=job.id) for name, endpoint in _LINKS.items()},
    }


def _error_json(error: dict[str, Any] | None, *, staff: bool) -> dict[str, Any] | None:
    if error is None or staff:
        return error
    return {name: value for name, value in error.items() if name != "traceback"}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
