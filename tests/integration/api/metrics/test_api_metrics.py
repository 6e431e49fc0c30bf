"""Numbers for Prometheus: they are right, live, and there without Redis too."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.state import gate_state
from flask_api.testing import logged_in, running_api
from shared.settings import ApiSettings
from tests.integration.api.api_server import served
from tests.integration.api.listener import listeners
from tests.integration.api.metrics.metrics_bench import scrape, settled, submit
from tests.integration.engine import sample_tasks
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey with the jobs of this test alone, which it may stop."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        yield server


@pytest.fixture
def app(api_settings: ApiSettings, own_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[Flask]:
    """The API with the sample tasks, and jobs that are nobody else's."""
    sample_tasks.RELEASE.clear()
    url, files = SecretStr(own_valkey.url("api")), f"file://{tmp_path / 'files'}"
    changes: dict[str, Any] = {"jobs_redis_url": url, "job_files_url": files, "job_threads": 2}
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), **changes) as app:
        yield app
        sample_tasks.RELEASE.set()


def test_fresh_process_shows_every_number_to_anybody(app: Flask) -> None:
    """What can happen is there with a zero, so that a first failure is seen as a rise."""
    numbers = scrape(app)
    for task in ("sample.echo", "sample.fail"):
        assert numbers.of("gatehouse_jobs_accepted_total", task=task) == 0
        for outcome in ("succeeded", "failed", "cancelled"):
            assert numbers.of("gatehouse_jobs_ended_total", task=task, outcome=outcome) == 0
    for name in (
        "jobs_orphaned",
        "jobs_delayed",
        "jobs_expiring",
        "batches_staged",
        "uploads_kept",
        "long_polls",
        "streams",
    ):
        assert numbers.of(f"gatehouse_{name}") == 0, name
    assert (numbers.of("gatehouse_instances"), numbers.of("gatehouse_accepting_jobs")) == (1, 1)
    for store in ("sessions", "jobs"):
        assert numbers.of("gatehouse_redis_up", store=store) == 1
        assert numbers.of("gatehouse_redis_breaker_open", store=store) == 0
    assert numbers.of("gatehouse_executor_slots", executor="threads") == 2
    assert (numbers.of("process_resident_memory_bytes") or 0) > 1e6


def test_outcomes_of_jobs_are_counted_by_task(app: Flask, ada: FlaskClient) -> None:
    """One that succeeds, one that fails, one that is tried twice, and a batch."""
    submit(ada, "sample.echo", wait_s=5)
    submit(ada, "sample.fail", wait_s=5, arguments={"message": "x"})
    submit(ada, "sample.flaky", wait_s=5, arguments={"failures": 1})
    batch = ada.post("/batches", json={"task": "sample.echo", "arguments": [{}, {}, {}]}).get_json()
    assert ada.get(f"/batches/{batch['id']}/results?wait=5").data.count(b"\n") == 3
    numbers = settled(app, "gatehouse_jobs_ended_total", 4, task="sample.echo", outcome="succeeded")
    seen = {
        (task, outcome): numbers.of(
            "gatehouse_jobs_ended_total", task=f"sample.{task}", outcome=outcome
        )
        for task in ("echo", "fail", "flaky")
        for outcome in ("succeeded", "failed")
    }
    assert {each: count for each, count in seen.items() if count} == {
        ("echo", "succeeded"): 4,
        ("fail", "failed"): 1,
        ("flaky", "succeeded"): 1,
    }
    accepted = {
        task: numbers.of("gatehouse_jobs_accepted_total", task=f"sample.{task}")
        for task in ("echo", "fail", "flaky")
    }
    assert accepted == {"echo": 4, "fail": 1, "flaky": 1}
    attempts = [
        numbers.of("gatehouse_attempts_total", task="sample.flaky", end=end)
        for end in ("queued", "succeeded")
    ]
    assert attempts == [1, 1]
    assert (
        numbers.of("gatehouse_jobs_ended_total", task="sample.flaky", outcome="queued") is None
    ), "a retry is no outcome"
    assert numbers.of("gatehouse_jobs_expiring") == 6 + 1  # the jobs, and their batch


def test_repeated_submit_is_counted_once_and_a_retry_again(app: Flask, ada: FlaskClient) -> None:
    """Accepted is what the engine took: not what it knew, and not what it refused."""
    for _ in range(2):
        body = {"task": "sample.fail", "arguments": {"message": "x"}}
        path = ada.post("/jobs?wait=5", json=body, headers={"Idempotency-Key": "once"}).headers[
            "Location"
        ]
    assert ada.post("/jobs", json={"task": "sample.fail", "arguments": {}}).status_code == 422
    assert scrape(app).of("gatehouse_jobs_accepted_total", task="sample.fail") == 1
    assert ada.post(f"/jobs/{path.rpartition('/')[2]}/retry").status_code == 202
    assert ada.get(f"/jobs/{path.rpartition('/')[2]}?wait=5").get_json()["status"] == "failed"
    numbers = settled(app, "gatehouse_jobs_ended_total", 2, task="sample.fail", outcome="failed")
    assert numbers.of("gatehouse_jobs_accepted_total", task="sample.fail") == 2


def test_load_of_the_executors_is_live(app: Flask, ada: FlaskClient) -> None:
    """Two slots are held, one job waits, one is for later;
    after two cancels and the end all is zero again."""
    jobs = [submit(ada, "sample.hang")["id"] for _ in range(3)]
    later = submit(ada, "sample.echo", delay_s=600)["id"]
    numbers = scrape(app)
    assert numbers.of("gatehouse_jobs_running", executor="threads") == 2
    assert numbers.of("gatehouse_jobs_queued", executor="threads") == 1
    assert numbers.of("gatehouse_jobs_delayed") == 1
    for job in (jobs[2], later, jobs[0]):
        assert ada.post(f"/jobs/{job}/cancel").status_code in (200, 202)
    assert ada.get(f"/jobs/{jobs[0]}?wait=5").get_json()["status"] == "cancelled"
    sample_tasks.RELEASE.set()
    assert ada.get(f"/jobs/{jobs[1]}?wait=5").get_json()["status"] == "succeeded"
    numbers = settled(app, "gatehouse_jobs_running", 0, executor="threads")
    assert (
        numbers.of("gatehouse_jobs_queued", executor="threads"),
        numbers.of("gatehouse_jobs_delayed"),
    ) == (0, 0)
    assert numbers.of("gatehouse_jobs_ended_total", task="sample.hang", outcome="cancelled") == 2, (
        "one ran, one waited"
    )
    assert numbers.of("gatehouse_jobs_ended_total", task="sample.echo", outcome="cancelled") == 1
    assert numbers.of("gatehouse_attempts_total", task="sample.hang", end="cancelled") == 1


def test_long_polls_and_streams_are_counted_while_they_last(app: Flask, ada: FlaskClient) -> None:
    """Each holds a thread of the server: an operator must see when the places run out."""
    job = submit(ada, "sample.hang")["id"]
    cookie = ada.get_cookie("sessionid")
    assert cookie is not None
    with served(app) as address, listeners(address) as opened, ThreadPoolExecutor() as pool:
        opened.open("/api/events", cookie=cookie.value)
        polling = pool.submit(ada.get, f"/jobs/{job}?wait=10")
        wait_until(
            lambda: scrape(app).of("gatehouse_long_polls") == 1,
            timeout_s=5,
            what="the poll is seen",
        )
        wait_until(
            lambda: scrape(app).of("gatehouse_streams") == 1, timeout_s=5, what="the stream is seen"
        )
        sample_tasks.RELEASE.set()
        assert polling.result(10).status_code == 200
        assert scrape(app).of("gatehouse_long_polls") == 0


def test_redis_away_leaves_numbers_out_and_answers_in_time(
    app: Flask, own_valkey: EmbeddedValkey
) -> None:
    """A monitor must see the outage, not share it; what can't be read is not called zero."""
    assert scrape(app).of("gatehouse_instances") == 1
    own_valkey.stop()
    started = time.perf_counter()
    numbers = scrape(app)
    assert time.perf_counter() - started < 1
    assert (
        numbers.of("gatehouse_redis_up", store="jobs"),
        numbers.of("gatehouse_redis_up", store="sessions"),
    ) == (0, 1)
    assert not [name for name, labels in numbers.series if "instance" not in dict(labels)], (
        "nothing of the installation"
    )
    assert scrape(app).of("gatehouse_redis_breaker_open", store="jobs") == 1
    assert numbers.of("gatehouse_jobs_accepted_total", task="sample.echo") == 0, (
        "the process's own numbers are there"
    )
    own_valkey.start()
    wait_until(
        lambda: scrape(app).of("gatehouse_instances") == 1, timeout_s=5, what="the numbers are back"
    )
    assert scrape(app).of("gatehouse_redis_breaker_open", store="jobs") == 0


def test_every_series_of_a_process_names_it(app: Flask, writer: str) -> None:
    """Two processes on one Redis: each its own numbers, and the same ones of the installation."""
    settings = gate_state(app).settings
    with running_api(settings) as other, logged_in(other, writer_url=writer) as client:
        submit(client, "sample.echo")
        one, two = scrape(app), scrape(other)
        assert one.of("gatehouse_jobs_accepted_total", task="sample.echo") == 0
        assert two.of("gatehouse_jobs_accepted_total", task="sample.echo") == 1, (
            "counted before the 202 is sent"
        )
        assert one.of("gatehouse_instances") == two.of("gatehouse_instances") == 2
        assert len((one.instances | two.instances) - {None}) == 2
    of_all = {name for name, labels in one.series if "instance" not in dict(labels)}
    assert of_all == {
        "gatehouse_instances",
        "gatehouse_jobs_orphaned",
        "gatehouse_jobs_delayed",
        "gatehouse_jobs_expiring",
        "gatehouse_batches_staged",
        "gatehouse_uploads_kept",
    }


def test_rescued_attempt_is_counted_by_who_rescued_it(bench: EngineBench) -> None:
    """The dead process counts no more; its attempt and the job's outcome are in the numbers of the
    one that took over."""
    child, other = bench.start_process(), bench.start()
    child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=20, what="it runs")
    child.kill()
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=RESCUE_S, what="it runs again")
    bench.go()
    wait_until(
        lambda: other.counts.ended()["sample.hold", "succeeded"] == 1, timeout_s=5, what="it ends"
    )
    attempts = other.counts.attempts()
    assert (attempts["sample.hold", "queued"], attempts["sample.hold", "succeeded"]) == (1, 1)
    assert other.counts.accepted()["sample.hold"] == 0
