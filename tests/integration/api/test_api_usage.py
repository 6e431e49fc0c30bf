"""What a person keeps, over the API: shown, refused with what to delete, deleted;
and nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import (
    SAMPLE_TASKS,
    Visitor,
    ask,
    new_visitor,
    submit,
    submit_batch,
    upload,
)

pytestmark = pytest.mark.usefixtures("site")

KINDS = {
    "bytes",
    "ended_jobs",
    "unfinished_jobs",
    "file_bytes",
    "uploads",
    "upload_bytes",
    "event_bytes",
}


@pytest.fixture
def small(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """An API that lets a person keep little."""
    limits = {
        "person_bytes": 20_000,
        "person_ended_jobs": 3,
        "job_files_url": f"file://{tmp_path / 'files'}",
    }
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), **limits) as app:
        yield app


def test_usage_says_what_is_kept_and_what_may_be(small: Flask, visitor: Visitor) -> None:
    """Each kind with used and limit, and links to what can be deleted, which lead somewhere."""
    submit(small, visitor, "sample.big", wait=10, size=5_000)
    upload(small, visitor, b"x" * 30)
    answer = ask(small, "/api/me/usage", cookie=visitor.cookie)
    usage = answer.get_json()
    assert (answer.status_code, {kind for kind, told in usage.items() if "used" in told}) == (
        200,
        KINDS,
    )
    assert usage["bytes"] == {"used": 1_000 + len('{"size":5000}') + 5_002, "limit": 20_000}
    assert usage["ended_jobs"] == {"used": 1, "limit": 3}
    assert (
        usage["upload_bytes"]["used"],
        usage["uploads"]["used"],
        usage["unfinished_jobs"]["used"],
    ) == (30, 1, 0)
    assert 0 < usage["event_bytes"]["used"] < 1_000
    for link in usage["links"].values():
        assert ask(small, link, cookie=visitor.cookie).status_code == 200
    assert ask(small, "/api/me/usage", cookie=new_visitor().cookie).get_json()["bytes"]["used"] == 0


def test_submit_beyond_the_quota_is_429_that_says_what_to_delete(
    small: Flask, visitor: Visitor
) -> None:
    """How much is used, the limit, links; for a batch too; what is deleted makes room at once."""
    jobs = [submit(small, visitor, "sample.big", wait=10, size=5_000) for _ in range(3)]
    for path, arguments in (("/api/jobs", {"size": 1}), ("/api/batches", [{"size": 1}])):
        body = {"task": "sample.big", "arguments": arguments}
        refused = ask(small, path, method="POST", cookie=visitor.cookie, json=body)
        problem = refused.get_json()
        assert (refused.status_code, problem["code"]) == (429, "quota_exceeded")
        assert int(refused.headers["Retry-After"]) > 0
        quota = problem["quota"]
        assert (quota["kind"], quota["used"], quota["limit"]) == ("ended_jobs", 3, 3)
        listed = ask(small, quota["links"]["ended_jobs"], cookie=visitor.cookie).get_json()["jobs"]
        assert [job["id"] for job in listed] == jobs[::-1]
    assert (
        ask(small, f"/api/jobs/{jobs[0]}", method="DELETE", cookie=visitor.cookie).status_code
        == 204
    )
    submit(small, visitor, "sample.echo", wait=10)


def test_deleted_job_is_404_and_its_key_is_free(small: Flask, visitor: Visitor) -> None:
    """By every path below it; the same Idempotency-Key makes a new job."""
    headers = {"Idempotency-Key": "once"}
    body = {"task": "sample.echo", "arguments": {}}

    def send() -> str:
        return str(
            ask(
                small,
                "/api/jobs?wait=10",
                method="POST",
                cookie=visitor.cookie,
                json=body,
                headers=headers,
            ).get_json()["id"]
        )

    first = send()
    assert send() == first
    assert (
        ask(small, f"/api/jobs/{first}", method="DELETE", cookie=visitor.cookie).status_code == 204
    )
    for path in ("", "/result", "/log", "/events"):
        assert ask(small, f"/api/jobs/{first}{path}", cookie=visitor.cookie).status_code == 404
    assert (
        ask(small, f"/api/jobs/{first}", method="DELETE", cookie=visitor.cookie).status_code == 404
    )
    assert send() != first


def test_unfinished_job_and_batch_are_409_with_a_hint(small: Flask, visitor: Visitor) -> None:
    """Cancel it first; then it goes."""
    body = {"task": "sample.echo", "arguments": {}, "delay_s": 3600}
    job_id = ask(small, "/api/jobs", method="POST", cookie=visitor.cookie, json=body).get_json()[
        "id"
    ]
    refused = ask(small, f"/api/jobs/{job_id}", method="DELETE", cookie=visitor.cookie)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "illegal_transition")
    assert "cancel" in refused.get_json()["detail"]
    assert (
        ask(small, f"/api/jobs/{job_id}/cancel", method="POST", cookie=visitor.cookie).status_code
        == 200
    )
    assert (
        ask(small, f"/api/jobs/{job_id}", method="DELETE", cookie=visitor.cookie).status_code == 204
    )


def test_other_peoples_jobs_and_batches_are_404_to_delete(small: Flask, visitor: Visitor) -> None:
    """To another person; staff, who may look, are refused:
    deleting is the owner's, and who may operate on others'."""
    job_id = submit(small, visitor, "sample.echo", wait=10)
    batch_id = submit_batch(small, visitor, "sample.echo", [{}])
    for other, status in ((new_visitor(), 404), (new_visitor(is_staff=True), 403)):
        for path in (f"/api/jobs/{job_id}", f"/api/batches/{batch_id}"):
            assert ask(small, path, method="DELETE", cookie=other.cookie).status_code == status
        assert ask(small, "/api/batches", cookie=other.cookie).get_json()["batches"] == []
    assert ask(small, f"/api/jobs/{job_id}", cookie=visitor.cookie).status_code == 200


def test_batch_is_listed_and_deleted(small: Flask, visitor: Visitor) -> None:
    """Newest first in pages; deleted it is 404, and so are its jobs."""
    ids = [submit_batch(small, visitor, "sample.echo", [{}]) for _ in range(3)]
    page = ask(small, "/api/batches?limit=2", cookie=visitor.cookie).get_json()
    rest = ask(small, page["links"]["next"], cookie=visitor.cookie).get_json()
    assert [batch["id"] for batch in page["batches"] + rest["batches"]] == ids[::-1]
    results = ask(small, f"/api/batches/{ids[0]}/results?wait=5", cookie=visitor.cookie).get_data(
        as_text=True
    )
    assert results.count("succeeded") == 1
    record = ask(small, f"/api/batches/{ids[0]}", cookie=visitor.cookie).get_json()
    assert record["expires_at"] > record["finished_at"]
    assert (
        ask(small, f"/api/batches/{ids[0]}", method="DELETE", cookie=visitor.cookie).status_code
        == 204
    )
    assert ask(small, f"/api/batches/{ids[0]}", cookie=visitor.cookie).status_code == 404
