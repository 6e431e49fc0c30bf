"""Readiness: every reason for which a request would fail here is named, to anybody,
without a secret."""

from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.app import create_app, start_jobs, stop_jobs
from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.testing import running_api
from shared.redis.replication import Acknowledgement
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import admin_of, ask

NOWHERE = SecretStr("redis://secret-user:secret-word@127.0.0.1:1/0")


def failing(app: Flask) -> list[str]:
    """Return which checks fail; the status and the headers must say so too."""
    answer = ask(app, "/api/health/ready")
    body: dict[str, Any] = answer.get_json()
    failed = [check["name"] for check in body["checks"] if not check["ok"]]
    assert [check["name"] for check in body["checks"]] == [
        "sessions",
        "jobs",
        "durable",
        "accepting",
    ]
    assert (answer.status_code, body["status"]) == (
        (503, "not_ready") if failed else (200, "ready")
    )
    assert ("Retry-After" in answer.headers) == bool(failed)
    assert not [
        word for word in ("secret", "127.0.0.1", "redis:") if word in answer.get_data(as_text=True)
    ]
    return failed


def test_healthy_process_is_ready_for_anybody_who_asks(api: Flask) -> None:
    """No credential is needed, and what a monitor reads holds no secret."""
    assert failing(api) == []


def test_process_is_ready_from_its_start_to_its_stop(api_settings: ApiSettings) -> None:
    """Before and after it takes no jobs, and is alive all the same."""
    app = create_app(api_settings)
    assert failing(app) == ["accepting"]
    start_jobs(app)
    assert failing(app) == []
    stop_jobs(app, deadline_s=5)
    assert failing(app) == ["accepting"]
    assert ask(app, "/api/health/live").status_code == 200
    stop_jobs(app, deadline_s=0)


def test_store_of_sessions_that_is_away_is_named(api_settings: ApiSettings) -> None:
    """Nobody could log in here."""
    with running_api(
        api_settings, api_redis_url=NOWHERE, jobs_redis_url=api_settings.api_redis_url
    ) as app:
        assert failing(app) == ["sessions"]
        assert ask(app, "/api/health/live").status_code == 200


def test_store_of_jobs_that_is_away_is_named(api_settings: ApiSettings) -> None:
    """People are known, but nothing would be accepted;
    what can't be asked is not called volatile."""
    app = create_app(api_settings.model_copy(update={"jobs_redis_url": NOWHERE}))
    assert failing(app) == ["jobs", "accepting"]


@pytest.mark.parametrize(
    ("which", "may_write"), [("sessions", True), ("sessions", False), ("jobs", True)]
)
def test_store_whose_replicas_are_missing_is_named(
    api: Flask, valkey: EmbeddedValkey, which: str, may_write: bool
) -> None:
    """Where a write counts only when a replica has it, by a user that may not write there, too."""
    store = gate_state(api).store if which == "sessions" else api_state(api).jobs_store
    pool = store.client.connection_pool
    with admin_of(valkey) as client:
        admin: Any = client  # redis-py's has no types
        pool.acknowledged = Acknowledgement(1, timeout_s=0.05)
        if not may_write:
            admin.execute_command("ACL", "SETUSER", "api", "-setrange")
        try:
            assert which in failing(api)
        finally:
            pool.acknowledged = None
            admin.execute_command("ACL", "SETUSER", "api", "+setrange")
    assert failing(api) == []


def test_store_of_jobs_that_may_forget_is_named(api: Flask, valkey: EmbeddedValkey) -> None:
    """A Redis that was made volatile after the start."""
    with admin_of(valkey) as admin:
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert failing(api) == ["durable"]
        finally:
            admin.config_set("maxmemory-policy", "noeviction")
    assert failing(api) == []
