"""The answer to a request for one job: its record, at once or when the job has ended, or what it
returned."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, jsonify, request, send_file

from flask_api.http.job_json import error_json, summary_json, waiting_json
from flask_api.http.job_requests import access_to, is_staff
from flask_api.http.reach import job_to_see, shown
from flask_api.http.state import api_state
from flask_api.http.wait import Parked, can_park, read_wait, wait_until
from flask_api.jobs.errors import JobFailed, JobUnfinished, JobWasCancelled
from flask_api.jobs.records.job import Job, JobStatus

POLL_AFTER_S = 1
_POLL = {"Retry-After": str(POLL_AFTER_S)}


def look_at_job(job_id: object) -> tuple[Job, dict[str, str]]:
    """Return the job, after the wait that the request asks for, and the headers that tell of it.
    Raises what job_to_see and read_wait raise."""
    wait = read_wait()
    job = job_to_see(job_id)
    return wait_for_end(job, wait.seconds), wait.headers


def wait_for_end(job: Job, wait_s: float, *, kept: Any = None) -> Job:
    """Return the job when it has ended, or when this request has waited for ``wait_s`` seconds;
    at once when every place for waiting requests is taken.

    Raises Parked: the view runs again, and finds what it ``kept``.
    """
    if job.status.is_outcome or not wait_s:
        return job
    until = wait_until(wait_s)
    if time.monotonic() >= until:
        return job
    pause = api_state().streams.pause_for_job(
        job, until=until, access=access_to(job.owner.id), can_park=can_park(request.environ)
    )
    if pause is None:
        return job_to_see(job.id)
    unwatch = api_state().engine.watch_end(job.id, pause.due)

    def free() -> None:
        unwatch()
        pause.close()

    raise Parked(pause, until=until, free=free, kept=kept)


def listed(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return one person's jobs as listings have them: without results, with what each waits for."""
    reasons, staff = api_state().engine.waits.find(jobs), is_staff()
    return [
        {
            **summary_json(job, staff=staff),
            "waiting": waiting_json(reasons[job.id]) if job.id in reasons else None,
        }
        for job in jobs
    ]


def looked_at(job: Job) -> Response:
    """Return the answer to who looks at a job: its record, and for what it waits."""
    reasons = api_state().engine.waits.find([job])
    more = {"waiting": waiting_json(reasons[job.id])} if job.id in reasons else {}
    return record_answer(job, members=more)


def file_answer(job: Job, name: str) -> Response:
    """Return one of a job's files, as a download. Raises JobNotFound when it has none of the
    name."""
    opened = api_state().engine.open_file(job, name)
    media_type = next(str(file["media_type"]) for file in job.files if file["name"] == name)
    return send_file(opened, mimetype=media_type, as_attachment=True, download_name=name)


def record_answer(
    job: Job,
    *,
    status: int = 200,
    is_new: bool = False,
    members: Mapping[str, Any] | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """Return the job's record as this request may see it, with further ``members`` and ``more``
    headers; of a new one, where it is; of an unfinished one, when to ask again too."""
    record = {**shown(job), **(members or {})}
    headers = {"Location": record["links"]["self"]} if is_new else {}
    headers |= {**(more or {}), **({} if job.status.is_outcome else _POLL)}
    answer = jsonify(record)
    answer.status_code = status
    # The answer has none of these: werkzeug's ways search those that are there and check each,
    # which is a tenth of a small request.
    answer.headers._list.extend(headers.items())
    return answer


def result_of(job: Job, *, staff: bool) -> Any:
    """Return what the task returned; raises JobUnfinished,
    JobFailed or JobWasCancelled when it returned nothing."""
    if job.status is JobStatus.SUCCEEDED:
        return job.result
    if job.status is JobStatus.CANCELLED:
        raise JobWasCancelled("The job was cancelled, so it has no result.")
    if job.status is JobStatus.FAILED:
        error = error_json(job.error, staff=staff) or {}
        raise JobFailed(
            f"The job failed: {error.get('type')}: {error.get('message')}", job_error=error
        )
    raise JobUnfinished(f"The job is {job.status}: it has no result yet.")
