"""What a waiting job waits for, and the jobs of a batch, as listings tell them."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.integration.api.test_api_jobs import tasks_api
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")
__all__ = ["tasks_api"]


def sent(app: Flask, visitor: Visitor, path: str = "/api/jobs", **body: Any) -> dict[str, Any]:
    """Send JSON, return the answer."""
    answer = ask(app, path, method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.get_json())


def got(app: Flask, visitor: Visitor, path: str) -> dict[str, Any]:
    """Ask for something."""
    answer = ask(app, path, cookie=visitor.cookie)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_waiting_job_says_for_what(tasks_api: Flask, tmp_path: Path) -> None:
    """For its time, for a place of its task, for its turn; one that runs or ended says nothing."""
    ada, held = new_visitor(), {"path": str(tmp_path / "log")}
    later = sent(tasks_api, ada, task="sample.echo", arguments={"value": 1}, delay_s=600)
    runs = sent(tasks_api, ada, task="sample.alone", arguments=held)
    wait_until(
        lambda: got(tasks_api, ada, f"/api/jobs/{runs['id']}")["status"] != "queued", timeout_s=10
    )
    waits = sent(tasks_api, ada, task="sample.alone", arguments=held)
    record = got(tasks_api, ada, f"/api/jobs/{later['id']}")
    assert record["waiting"]["reason"] == "start_time"
    assert record["waiting"]["until"] == record["start_at"]
    told = got(tasks_api, ada, f"/api/jobs/{waits['id']}")["waiting"]
    limits = {"until": None, "running": 1, "limit": 1, "since": None, "note": ""}
    wanted = {"reason": "task_limit", "ahead": 2, **limits}
    assert told == wanted
    listed = {job["id"]: job["waiting"] for job in got(tasks_api, ada, "/api/jobs")["jobs"]}
    assert listed == {waits["id"]: wanted, runs["id"]: None, later["id"]: record["waiting"]}
    assert "waiting" not in got(tasks_api, ada, f"/api/jobs/{runs['id']}")
    sample_tasks.RELEASE.set()


def test_batch_lists_its_jobs_with_where_they_ran(tasks_api: Flask) -> None:
    """Page by page in the order of submission, by state; another's batch is a 404."""
    ada, other = new_visitor(), new_visitor()
    sets = [{"value": number} for number in range(120)]
    batch = sent(tasks_api, ada, "/api/batches", task="sample.echo", arguments=sets)
    wait_until(lambda: got(tasks_api, ada, batch["links"]["self"])["finished_at"], timeout_s=20)
    path, seen = batch["links"]["jobs"], list[int]()
    after: int | None = 0
    while after is not None:
        page = got(tasks_api, ada, f"{path}?limit=50&after={after}")
        seen += [job["arguments"]["value"] for job in page["jobs"]]
        after = page["next_after"]
    assert seen == list(range(120))
    assert all(job["instance"] and "result" not in job for job in page["jobs"])
    assert got(tasks_api, ada, f"{path}?status=failed") == {"jobs": [], "next_after": None}
    assert ask(tasks_api, path, cookie=other.cookie).status_code == 404
