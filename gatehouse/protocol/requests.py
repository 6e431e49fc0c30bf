"""The requests that the client sends, one function for each endpoint."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

from gatehouse.protocol.events import MEDIA_TYPE as EVENT_STREAM
from gatehouse.protocol.wire import NDJSON, ApiRequest, StreamedBody, to_json

Order = Literal["completion", "submission"]
Showable = Literal["arguments", "files", "owner"]
Priority = Literal["low", "normal", "high"]

PAGE = 100


def get_me() -> ApiRequest:
    """Ask for the person that the key acts as."""
    return _get("/me")


def get_tasks() -> ApiRequest:
    """Ask for the tasks that there are."""
    return _get("/tasks")


def submit_job(
    task: str,
    arguments: Mapping[str, Any],
    *,
    priority: Priority | None = None,
    delay_s: float | None = None,
    start_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> ApiRequest:
    """Submit a job, with an Idempotency-Key in any case: sent twice, it is one job."""
    moment = None if start_at is None else start_at.isoformat()
    more = {"priority": priority, "delay_s": delay_s, "start_at": moment}
    return _submit(
        "/jobs", {"task": task, "arguments": dict(arguments), **_given(more)}, idempotency_key
    )


def submit_batch(
    task: str,
    arguments: Sequence[Mapping[str, Any]],
    *,
    priority: Priority | None = None,
    idempotency_key: str | None = None,
) -> ApiRequest:
    """Submit a job for each set of arguments, all or none; with an Idempotency-Key in any case."""
    body = {"task": task, "arguments": list(arguments), **_given({"priority": priority})}
    return _submit("/batches", body, idempotency_key)


def submit_texts(task: str, arguments: Sequence[str]) -> ApiRequest:
    """Submit a batch whose sets of arguments are JSON texts already."""
    return _submitted(
        "/batches",
        f'{{"task":{json.dumps(task)},"arguments":[{",".join(arguments)}]}}'.encode(),
        None,
    )


def get_job(job_id: str, *, wait_s: float = 0) -> ApiRequest:
    """Ask for a job's record, to be answered when it has ended or after ``wait_s``."""
    params = {"wait": f"{wait_s:.3f}"} if wait_s > 0 else {}
    return _get(f"/jobs/{_id(job_id)}", params=params, wait_s=wait_s)


def list_jobs(*, status: str | None, task: str | None, cursor: str | None) -> ApiRequest:
    """Ask for a page of the person's jobs, newest first."""
    return _get(
        "/jobs",
        params=_given({"limit": str(PAGE), "status": status, "task": task, "cursor": cursor}),
    )


def cancel_job(job_id: str) -> ApiRequest:
    """Cancel a job. Not to be repeated blindly:
    the second time it may have ended, which is an error."""
    return ApiRequest(method="POST", path=f"/jobs/{_id(job_id)}/cancel")


def retry_job(job_id: str) -> ApiRequest:
    """Queue a failed or cancelled job again."""
    return ApiRequest(method="POST", path=f"/jobs/{_id(job_id)}/retry")


def delete_job(job_id: str) -> ApiRequest:
    """Delete an ended job, and all that it kept."""
    return ApiRequest(method="DELETE", path=f"/jobs/{_id(job_id)}", may_repeat=True)


def get_log(job_id: str) -> ApiRequest:
    """Ask for a job's last log lines."""
    return _get(f"/jobs/{_id(job_id)}/log", accept=NDJSON)


def get_file(job_id: str, name: str) -> ApiRequest:
    """Ask for one of a job's files."""
    return _get(f"/jobs/{_id(job_id)}/files/{quote(name, safe='')}", accept="*/*")


def get_batch(batch_id: str) -> ApiRequest:
    """Ask for a batch's record."""
    return _get(f"/batches/{_id(batch_id)}")


def cancel_batch(batch_id: str) -> ApiRequest:
    """Cancel all of a batch's jobs that have not ended."""
    return ApiRequest(method="POST", path=f"/batches/{_id(batch_id)}/cancel", may_repeat=True)


def delete_batch(batch_id: str) -> ApiRequest:
    """Delete a batch whose jobs have all ended, and all that these kept."""
    return ApiRequest(method="DELETE", path=f"/batches/{_id(batch_id)}", may_repeat=True)


def list_batches(*, cursor: str | None) -> ApiRequest:
    """Ask for a page of the person's batches, newest first."""
    return _get("/batches", params=_given({"limit": str(PAGE), "cursor": cursor}))


def share_job(
    job_id: str,
    *,
    people: Sequence[str] | None,
    group: str | None,
    shows: Sequence[Showable],
    expires_in_s: int | None,
) -> ApiRequest:
    """Share a job: with people, a group, or all who have the address.
    Not to be repeated blindly: nobody would know the address of the first."""
    audience = "people" if people is not None else "link" if group is None else "group"
    # What is no list of names is left as it is, for the service to refuse: "bob" is not b, o, b.
    named = people if people is None or isinstance(people, str) else list(people)
    body = _given({"people": named, "group": group, "expires_in_s": expires_in_s})
    return ApiRequest(
        method="POST",
        path=f"/jobs/{_id(job_id)}/shares",
        headers={"Content-Type": "application/json"},
        body=to_json({"audience": audience, "shows": list(shows), **body}),
    )


def list_shares(job_id: str | None = None) -> ApiRequest:
    """Ask for what the person shares, or for the shares of one job."""
    return _get("/shares" if job_id is None else f"/jobs/{_id(job_id)}/shares")


def end_share(share_id: str) -> ApiRequest:
    """End a share."""
    return ApiRequest(method="DELETE", path=f"/shares/{_id(share_id)}", may_repeat=True)


def get_onlookers(job_id: str) -> ApiRequest:
    """Ask who looks on at a shared job just now."""
    return _get(f"/jobs/{_id(job_id)}/onlookers")


def get_shared(token: str) -> ApiRequest:
    """Ask for what is shown of a job that somebody shares."""
    return _get(shared_path(token))


def get_shared_log(token: str) -> ApiRequest:
    """Ask for the last log lines of such a job."""
    return _get(f"{shared_path(token)}/log", accept=NDJSON)


def get_shared_file(token: str, name: str) -> ApiRequest:
    """Ask for one of such a job's files."""
    return _get(f"{shared_path(token)}/files/{quote(name, safe='')}", accept="*/*")


def shared_path(token: str) -> str:
    """Return where a shared job is found."""
    return f"/shared/{_id(token)}"


def get_usage() -> ApiRequest:
    """Ask how much the person keeps, and how much they may."""
    return _get("/me/usage")


def withdraw(batch_id: str, positions: Sequence[int]) -> ApiRequest:
    """Cancel those of a batch's jobs that have not begun; the answer says which."""
    headers, body = {"Content-Type": "application/json"}, to_json({"positions": list(positions)})
    return ApiRequest(
        method="POST",
        path=f"/batches/{_id(batch_id)}/withdraw",
        headers=headers,
        body=body,
        may_repeat=True,
    )


def get_results(batch_id: str, *, order: Order, after: int, wait_s: float) -> ApiRequest:
    """Ask for a batch's results from number ``after`` on,
    for as long as the next one comes within ``wait_s``."""
    params = {"order": order, "after": str(after)} | ({"wait": f"{wait_s:g}"} if wait_s else {})
    return _get(f"/batches/{_id(batch_id)}/results", params=params, wait_s=wait_s, accept=NDJSON)


def get_events(path: str, *, last_event_id: str) -> ApiRequest:
    """Ask for a stream of events: /events, /jobs/<id>/events or /batches/<id>/events."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    return _get(path, headers=headers, accept=EVENT_STREAM)


def upload_file(body: StreamedBody, *, name: str, may_repeat: bool) -> ApiRequest:
    """Send a file. Its type is found out by the service from what is in it."""
    headers = {"Content-Type": "application/octet-stream"}
    return ApiRequest(
        method="POST",
        path="/files",
        params={"name": name},
        headers=headers,
        body=body,
        may_repeat=may_repeat,
    )


def _submit(path: str, body: Mapping[str, Any], idempotency_key: str | None) -> ApiRequest:
    return _submitted(path, to_json(body), idempotency_key)


def _submitted(path: str, body: bytes, idempotency_key: str | None) -> ApiRequest:
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": uuid4().hex if idempotency_key is None else idempotency_key,
    }
    return ApiRequest(method="POST", path=path, headers=headers, body=body, may_repeat=True)


def _get(path: str, **more: Any) -> ApiRequest:
    return ApiRequest(method="GET", path=path, may_repeat=True, **more)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _id(text: str) -> str:
    """Quote an id: an invalid one is answered 404, and leads to no other path."""
    return quote(text, safe="", errors="surrogatepass").replace(".", "%2E")
