"""An owner who shares, and who looks."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.integration.gate.gate_bench import Visitor, ask, post

NOTHING = "Nothing is shared with you at this address."
READS = ("", "/result", "/log", "/rows", "/table", "/files/rows.parquet", "/events")


def run(app: Flask, owner: Visitor, task: str, **arguments: Any) -> dict[str, Any]:
    """Run a job to its end; return its record."""
    body = {"task": task, "arguments": arguments}
    record: dict[str, Any] = post(app, owner, "/api/jobs?wait=20", body).get_json()
    assert record["status"] == "succeeded", record
    return record


def try_share(app: Flask, owner: Visitor, job: str, **terms: Any) -> TestResponse:
    """Ask to share a job."""
    return ask(app, f"/api/jobs/{job}/shares", method="POST", cookie=owner.cookie, json=terms)


def share(app: Flask, owner: Visitor, job: str, **terms: Any) -> dict[str, Any]:
    """Share a job; return the answer."""
    answer = try_share(app, owner, job, **terms)
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.get_json()
    assert answer.headers["Location"] == said["url"]
    return said


def end(app: Flask, owner: Visitor, share_id: str) -> int:
    """End a share; return the status."""
    return ask(app, f"/api/shares/{share_id}", method="DELETE", cookie=owner.cookie).status_code


def join(visitor: Visitor, group: str) -> Visitor:
    """Make the person a member of a group."""
    from django.contrib.auth.models import Group

    visitor.person.groups.add(Group.objects.get_or_create(name=group)[0])
    return visitor


def is_nothing(answer: TestResponse) -> bool:
    """Tell whether it is the one answer of an address that shows nothing."""
    said = answer.get_json()
    known = (answer.status_code, said.get("code"), said.get("detail"))
    return known == (404, "job_not_found", NOTHING)


def looks(app: Flask, url: str, viewer: Visitor, **headers: str) -> TestResponse:
    """Look at a shared job."""
    return ask(app, url, cookie=viewer.cookie, headers=headers)
