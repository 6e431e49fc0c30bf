"""From how a job ended to what the caller gets: its result, or the error to raise."""

from collections.abc import Mapping
from typing import Any

from gatehouse.errors import JobCancelled, JobFailed, RemoteError
from gatehouse.protocol.rebuilding import failed, text_list


def result_of(record: Mapping[str, Any]) -> Any:
    """Return the result of an ended job's JSON (a record or a line of a batch's results),
    or raise why there is none."""
    if record["status"] == "succeeded":
        return record["result"]
    raise error_of(record)


def error_of(record: Mapping[str, Any]) -> JobFailed | JobCancelled:
    """Return the error of a job that ended without a result."""
    job = str(record.get("id", ""))  # of a job that somebody shares it is not told
    named = f"job {job}" if job else "shared job"
    if record["status"] == "cancelled":
        return JobCancelled(f"The {named} was cancelled.", job=job)
    described = record.get("error") or {}
    kind, message = str(described.get("type", "error")), str(described.get("message", ""))
    remote = RemoteError(
        kind,
        message,
        bases=text_list(described.get("bases")),
        errno=number if type(number := described.get("errno")) is int else None,
        attempts=record.get("attempts") or (),
        traceback=str(described.get("traceback", "")),
    )
    return failed(f"The {named} failed: {remote}", job=job, error=remote)
