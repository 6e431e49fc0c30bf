"""Workers elsewhere, as health checks and operators see them: the former learn no task's name."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from pydantic import SecretStr

from flask_api.http.state import api_state
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.roster import Roster, WorkerKind, WorkerName
from flask_api.testing import running_api
from shared.http.beside import API
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor
from tests.waiting import wait_until


@pytest.fixture
def remote_api(api_settings: ApiSettings, admin: redis.Redis, site: None) -> Iterator[Flask]:
    """An API whose jobs all run on workers elsewhere; there is none."""
    for name in admin.scan_iter("gatehouse:jobs:*"):
        admin.delete(name)
    with running_api(
        api_settings,
        task_modules=(SAMPLE_TASKS,),
        executors={"*": "rq"},
        worker_secrets=(SecretStr("s" * 40),),
    ) as app:
        yield app


def _operator(app: Flask) -> Visitor:
    from django.contrib.auth.models import Permission

    visitor = new_visitor(is_staff=True)
    visitor.person.user_permissions.set(Permission.objects.filter(codename="view_operations"))
    found: dict[str, Any] = visitor.browser.defaults
    found |= {API: app.wsgi_app, "HTTP_HOST": "localhost"}
    return visitor


def test_missing_workers_are_told_by_health_and_to_operators(
    remote_api: Flask, api_settings: ApiSettings
) -> None:
    """The process stays ready: another one could do no better. Operators read names."""
    with remote_api.app_context():
        engine = api_state().engine
    wait_until(engine.fleets, timeout_s=30, what="it has looked")
    ready = ask(remote_api, "/api/health/ready")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert ready.get_json()["warnings"] == ["rq: no worker is alive."]
    olga = _operator(remote_api)
    assert "No worker is alive" in olga.browser.get("/operators/").content.decode()

    kind = WorkerKind("rq", frozenset({"sample.echo"}), (), {"sample.echo": "another"})
    name = WorkerName.new(kind, 1)
    store = open_job_connections(api_settings)
    Roster(store).beat(name, kind, free=(), register=True)
    wait_until(lambda: engine.fleets()[0].workers, timeout_s=30, what="it is seen")
    warnings = ask(remote_api, "/api/health/ready").get_json()["warnings"]
    missing = len(list(engine.registry))  # sample.echo as it is here, too
    assert warnings == [
        f"rq: no worker runs {missing} tasks.",
        "rq: workers have other arguments or another version of 1 task.",
    ]
    page = olga.browser.get("/operators/").content.decode()
    assert "No worker runs:" in page
    assert "Other arguments or another version at some workers: <code>sample.echo</code>" in page
    assert "1 differs" in page
    Roster(store).leave(name)

    stranger = WorkerKind("rq", frozenset({"sample.echo"}), keys=("another",))
    name = WorkerName.new(stranger, 1)
    Roster(store).beat(name, stranger, free=(), register=True)
    wait_until(lambda: engine.fleets()[0].other_secrets, timeout_s=30, what="it is seen")
    assert ask(remote_api, "/api/health/ready").get_json()["warnings"] == [
        "rq: no worker is alive.",
        "rq: workers with another GATEHOUSE_WORKER_SECRETS are sent nothing.",
    ]
    page = olga.browser.get("/operators/").content.decode()
    assert "Workers with another GATEHOUSE_WORKER_SECRETS are sent nothing." in page
    Roster(store).leave(name)
    store.close()
