"""The answer to a request for one job: its record, at once or when the job has ended."""

from flask import Response, jsonify

from flask_api.gate.extension import identify_again
from flask_api.http.job_requests import viewer
from flask_api.http.reach import job_to_see, shown
from flask_api.http.state import api_state
from flask_api.http.wait import read_wait
from flask_api.jobs.records.job import Job

POLL_AFTER_S = 1


def look_at_job(job_id: object) -> tuple[Job, dict[str, str]]:
    """Return the job, after the wait that the request asks for, and the headers that tell of it.
    Raises what job_to_see and read_wait raise."""
    wait = read_wait()
    job = job_to_see(job_id)
    if wait.seconds and not job.status.is_outcome:
        job = wait_for_end(job, wait.seconds)
    return job, wait.headers


def wait_for_end(job: Job, wait_s: float) -> Job:
    """Return the job when it has ended, or after ``wait_s`` seconds.
    Raises what current_identity and job_to_see raise: the log-in may be over by then.
    """
    api_state().engine.wait(job.id, timeout_s=wait_s, person_id=viewer().id)
    identify_again()
    return job_to_see(job.id)


def record_answer(job: Job, *, status: int = 200) -> Response:
    """Return the job's record as this request may see it;
    of an unfinished one, when to ask again too."""
    answer = jsonify(shown(job))
    answer.status_code = status
    if not job.status.is_outcome:
        answer.headers["Retry-After"] = str(POLL_AFTER_S)
    return answer
