"""A server for jobs that is full: nobody is kept from logging in,
and the service says which part of it is red."""

import json
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError

from deploy.redis.valkey import EmbeddedValkey
from shared.redis import build_client
from tests.e2e.launching import launched
from tests.e2e.service import Browser
from tests.integration.redis.test_embedded_redis import fill as store_20_mb

JOB = {"task": "primes.sum", "arguments": {"limit": 10}}


def fill(var: Path) -> None:
    """Store until the jobs' server takes no more;
    then not even what little the next connection leaves free."""
    passwords = json.loads((var / "valkey-jobs.passwords").read_text())
    server = EmbeddedValkey(var / "valkey-jobs", passwords=passwords)
    client = build_client(server.url("admin"), timeout_s=5, max_connections=1)
    with pytest.raises(OutOfMemoryError):
        store_20_mb(client)
    client.config_set("maxmemory", 5_000_000)
    client.connection_pool.disconnect()


def test_full_jobs_store_lets_people_log_in_and_out(tmp_path: Path) -> None:
    """Log-in, pages, who am I, log-out; a submit is 503, and readiness is red for jobs alone."""
    var = tmp_path / "var"
    with launched(var, GATEHOUSE_JOBS_REDIS_BYTES="8000000") as launch:
        fill(var)
        browser = Browser(launch.address, password=(var / "demo-password").read_text().strip())
        with browser.http as http:
            browser.log_in()
            assert http.get("/account/sessions/").status_code == 200
            assert http.get("/api/me").status_code == 200
            assert http.get("/api/jobs").status_code == 200
            refused = http.post("/api/jobs", json=JOB, headers={"Sec-Fetch-Site": "same-origin"})
            assert refused.status_code == 503, refused.text
            assert refused.json()["code"] == "job_store_full"
            assert "Retry-After" in refused.headers
            ready = http.get("/api/health/ready")
            assert ready.status_code == 503
            assert [check["name"] for check in ready.json()["checks"] if not check["ok"]] == [
                "jobs"
            ]
            browser.log_out()
            assert http.get("/api/me").status_code == 401
