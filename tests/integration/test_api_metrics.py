"""Numbers for Prometheus: right, bounded, read without Redis too, and nobody's secret."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from deploy.valkey import EmbeddedValkey, new_passwords
from flask_api.app import create_app
from flask_api.openapi.document import build_document
from flask_api.testing import logged_in, running_api, with_key
from shared.errors import ConfigurationError
from shared.settings import ApiSettings, load_settings
from tests.integration import sample_tasks
from tests.integration.api_server import served
from tests.integration.engine_bench import RESCUE_S, EngineBench
from tests.integration.gate_bench import SAMPLE_TASKS
from tests.integration.listener import listeners
from tests.waiting import wait_until

CANARY = "canary-3f7a"
NOWHERE = SecretStr(f"redis://{CANARY}:{CANARY}@127.0.0.1:1/0")


class Numbers:
    """What one scrape said: every series by its name and labels, without the label that names the process."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.series = {
            (sample.name, frozenset(sample.labels.items())): sample.value for each in self.families for sample in each.samples
        }
        self.instances = {dict(labels).get("instance") for _, labels in self.series}

    def of(self, series: str, **labels: str) -> float | None:
        """Return the value of a series of the one process that was asked, or of the installation; None: it is absent."""
        found = [
            value
            for (name, has), value in self.series.items()
            if name == series and {pair for pair in has if pair[0] != "instance"} == set(labels.items())
        ]
        assert len(found) <= 1
        return found[0] if found else None


def scrape(app: Flask) -> Numbers:
    """Read the metrics as a stranger does."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200, answer.data
    assert answer.content_type.startswith("text/plain; version=")
    return Numbers(answer.get_data(as_text=True))


def settled(app: Flask, series: str, count: float, **labels: str) -> Numbers:
    """Return the numbers once this one is reached: a process counts what ended just after others can see that it has."""
    wait_until(lambda: scrape(app).of(series, **labels) == count, timeout_s=5, what=f"{series} {labels} is {count}")
    return scrape(app)


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


@pytest.fixture
def writer(valkey: EmbeddedValkey) -> str:
    """Who may write sessions: Django's user."""
    return valkey.url("django")


@pytest.fixture
def ada(app: Flask, writer: str) -> Iterator[FlaskClient]:
    """A client that Ada is logged in with."""
    with logged_in(app, writer_url=writer) as client:
        yield client


def submit(client: FlaskClient, task: str, *, wait_s: float = 0, **body: Any) -> dict[str, Any]:
    """Submit a job and return its record."""
    arguments = body.pop("arguments", {})
    answer = client.post(f"/jobs?wait={wait_s}", json={"task": task, "arguments": arguments, **body})
    assert answer.status_code == 202, answer.data
    record: dict[str, Any] = answer.get_json()
    return record


def test_fresh_process_shows_every_number_to_anybody(app: Flask) -> None:
    """What can happen is there with a zero, so that a first failure is seen as a rise."""
    numbers = scrape(app)
    for task in ("sample.echo", "sample.fail"):
        assert numbers.of("gatehouse_jobs_accepted_total", task=task) == 0
        for outcome in ("succeeded", "failed", "cancelled"):
            assert numbers.of("gatehouse_jobs_ended_total", task=task, outcome=outcome) == 0
    for name in ("jobs_orphaned", "jobs_delayed", "jobs_expiring", "batches_staged", "uploads_kept", "long_polls", "streams"):
        assert numbers.of(f"gatehouse_{name}") == 0, name
    assert (numbers.of("gatehouse_instances"), numbers.of("gatehouse_accepting_jobs")) == (1, 1)
    for store in ("sessions", "jobs"):
        assert numbers.of("gatehouse_redis_up", store=store) == 1
        assert numbers.of("gatehouse_redis_breaker_open", store=store) == 0
    assert numbers.of("gatehouse_executor_slots", executor="threads") == 2
    assert (numbers.of("process_resident_memory_bytes") or 0) > 1e6
    assert not [name for name, _ in numbers.series if name.endswith("_created")]


def test_outcomes_of_jobs_are_counted_by_task(app: Flask, ada: FlaskClient) -> None:
    """One that succeeds, one that fails, one that is tried twice, and a batch."""
    submit(ada, "sample.echo", wait_s=5)
    submit(ada, "sample.fail", wait_s=5, arguments={"message": "x"})
    submit(ada, "sample.flaky", wait_s=5, arguments={"failures": 1})
    batch = ada.post("/batches", json={"task": "sample.echo", "arguments": [{}, {}, {}]}).get_json()
    assert ada.get(f"/batches/{batch['id']}/results?wait=5").data.count(b"\n") == 3
    numbers = settled(app, "gatehouse_jobs_ended_total", 4, task="sample.echo", outcome="succeeded")
    seen = {
        (task, outcome): numbers.of("gatehouse_jobs_ended_total", task=f"sample.{task}", outcome=outcome)
        for task in ("echo", "fail", "flaky")
        for outcome in ("succeeded", "failed")
    }
    assert {each: count for each, count in seen.items() if count} == {
        ("echo", "succeeded"): 4,
        ("fail", "failed"): 1,
        ("flaky", "succeeded"): 1,
    }
    accepted = {task: numbers.of("gatehouse_jobs_accepted_total", task=f"sample.{task}") for task in ("echo", "fail", "flaky")}
    assert accepted == {"echo": 4, "fail": 1, "flaky": 1}
    attempts = [numbers.of("gatehouse_attempts_total", task="sample.flaky", end=end) for end in ("queued", "succeeded")]
    assert attempts == [1, 1]
    assert numbers.of("gatehouse_jobs_expiring") == 6


def test_repeated_submit_is_counted_once_and_a_retry_again(app: Flask, ada: FlaskClient) -> None:
    """Accepted is what the engine took: not what it knew, and not what it refused."""
    for _ in range(2):
        body = {"task": "sample.fail", "arguments": {"message": "x"}}
        path = ada.post("/jobs?wait=5", json=body, headers={"Idempotency-Key": "once"}).headers["Location"]
    assert ada.post("/jobs", json={"task": "sample.fail", "arguments": {}}).status_code == 422
    assert scrape(app).of("gatehouse_jobs_accepted_total", task="sample.fail") == 1
    assert ada.post(f"/jobs/{path.rpartition('/')[2]}/retry").status_code == 202
    assert ada.get(f"/jobs/{path.rpartition('/')[2]}?wait=5").get_json()["status"] == "failed"
    numbers = settled(app, "gatehouse_jobs_ended_total", 2, task="sample.fail", outcome="failed")
    assert numbers.of("gatehouse_jobs_accepted_total", task="sample.fail") == 2


def test_load_of_the_executors_is_live(app: Flask, ada: FlaskClient) -> None:
    """Two slots are held, one job waits, one is for later; after two cancels and the end all is zero again."""
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
    assert (numbers.of("gatehouse_jobs_queued", executor="threads"), numbers.of("gatehouse_jobs_delayed")) == (0, 0)
    assert numbers.of("gatehouse_jobs_ended_total", task="sample.hang", outcome="cancelled") == 2, "one ran, one waited"
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
        wait_until(lambda: scrape(app).of("gatehouse_long_polls") == 1, timeout_s=5, what="the poll is seen")
        wait_until(lambda: scrape(app).of("gatehouse_streams") == 1, timeout_s=5, what="the stream is seen")
        sample_tasks.RELEASE.set()
        assert polling.result(10).status_code == 200
        assert scrape(app).of("gatehouse_long_polls") == 0


def test_redis_away_leaves_numbers_out_and_answers_in_time(app: Flask, own_valkey: EmbeddedValkey) -> None:
    """A monitor must see the outage, not share it; what can't be read is not called zero."""
    assert scrape(app).of("gatehouse_instances") == 1
    own_valkey.stop()
    started = time.perf_counter()
    numbers = scrape(app)
    assert time.perf_counter() - started < 1
    assert (numbers.of("gatehouse_redis_up", store="jobs"), numbers.of("gatehouse_redis_up", store="sessions")) == (0, 1)
    assert not [name for name, labels in numbers.series if "instance" not in dict(labels)], "nothing of the installation"
    assert scrape(app).of("gatehouse_redis_breaker_open", store="jobs") == 1
    assert numbers.of("gatehouse_jobs_accepted_total", task="sample.echo") == 0, "the process's own numbers are there"
    own_valkey.start()
    wait_until(lambda: scrape(app).of("gatehouse_instances") == 1, timeout_s=5, what="the numbers are back")
    assert scrape(app).of("gatehouse_redis_breaker_open", store="jobs") == 0


def test_both_stores_away_from_the_start_is_no_error(api_settings: ApiSettings) -> None:
    """A process that never reached Redis says so, and names neither host nor password."""
    app = create_app(api_settings.model_copy(update={"api_redis_url": NOWHERE, "jobs_redis_url": NOWHERE}))
    answer = app.test_client().get("/metrics").get_data(as_text=True)
    assert Numbers(answer).of("gatehouse_redis_up", store="sessions") == 0
    assert not [word for word in (CANARY, "127.0.0.1", "redis://") if word in answer]


def test_every_series_of_a_process_names_it(app: Flask, writer: str) -> None:
    """Two processes on one Redis: each its own numbers, and the same ones of the installation."""
    settings = app.extensions["gatehouse"].settings
    with running_api(settings) as other, logged_in(other, writer_url=writer) as client:
        submit(client, "sample.echo")
        one, two = scrape(app), scrape(other)
        assert one.of("gatehouse_jobs_accepted_total", task="sample.echo") == 0
        assert two.of("gatehouse_jobs_accepted_total", task="sample.echo") == 1, "counted before the 202 is sent"
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


def test_requests_are_counted_by_endpoint_and_timed(app: Flask, ada: FlaskClient) -> None:
    """By what was asked for and how it was answered, refusals and unknown paths too."""
    ada.get("/me")
    ada.get("/me?x=1")
    app.test_client().get("/me")
    ada.get("/no/such")
    numbers = scrape(app)
    counted = [
        numbers.of("gatehouse_http_requests_total", endpoint=endpoint, method="GET", status=status)
        for endpoint, status in (("me.me", "2xx"), ("me.me", "4xx"), ("none", "4xx"))
    ]
    assert counted == [1, 2, 1]
    assert numbers.of("gatehouse_http_request_duration_seconds_count", endpoint="me.me") == 3
    assert numbers.of("gatehouse_http_request_duration_seconds_bucket", endpoint="me.me", le="+Inf") == 3


def test_strangers_can_make_no_new_series(app: Flask, ada: FlaskClient) -> None:
    """A thousand paths, methods and names of tasks would be a thousand series in the monitor's memory."""

    def ask(word: str) -> None:
        ada.get(f"/{word}")
        ada.open("/me", method=word.upper())
        ada.get(f"/jobs/{uuid.uuid4()}")
        ada.get(f"/problems/{word}")
        ada.post("/jobs", json={"task": word, "arguments": {}})
        app.test_client().get("/me", headers={"Authorization": f"Bearer gh_{word}"})

    ask("first")
    scrape(app)
    before = scrape(app).series.keys()
    for number in range(20):
        ask(f"word{number}")
    assert scrape(app).series.keys() == before


def test_refusals_are_counted_by_what_the_client_was_told(app: Flask, ada: FlaskClient) -> None:
    """Which guard refused a credential is in the log alone: these numbers are open, and would tell a thief what is wrong."""
    client = app.test_client(use_cookies=False)
    client.get("/me")
    for headers in (
        {"Cookie": "sessionid=abc"},  # no session key at all
        {"Cookie": f"sessionid={'a' * 32}"},  # one that nobody has
        {"Authorization": "Bearer gh_x"},
        {"Authorization": "Basic abc"},
    ):
        assert client.get("/me", headers=headers).status_code == 401
    assert client.get("/me", headers={"Cookie": "sessionid=a; sessionid=b"}).status_code == 400
    cross = ada.post("/jobs", json={"task": "sample.echo"}, headers={"Origin": "https://evil.example"})
    assert cross.status_code == 403
    numbers = scrape(app)
    reasons = {dict(labels)["reason"]: value for (name, labels), value in numbers.series.items() if "refusals_total" in name}
    assert reasons == {"no_credential": 1, "not_authenticated": 4, "ambiguous_credentials": 1, "cross_site": 1}


def test_no_person_argument_path_or_secret_is_told(app: Flask, writer: str) -> None:
    """Whatever is fed in does not come out."""
    person, holding = f"{CANARY}-person", f"{CANARY}-holder"
    with logged_in(app, person, writer_url=writer) as client, with_key(app, holding, writer_url=writer) as holder:
        job = submit(client, "sample.echo", wait_s=5, arguments={"value": CANARY})
        submit(client, "sample.fail", wait_s=5, arguments={"message": CANARY})
        client.get(f"/{CANARY}?{CANARY}={CANARY}", headers={"User-Agent": CANARY, "X-Request-Id": CANARY})
        client.open("/me", method=CANARY.upper())
        holder.get("/me", headers={"Host": CANARY})
        token = holder.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        cookie = client.get_cookie("sessionid")
        assert cookie is not None
        text = client.get("/metrics").get_data(as_text=True).lower()
    secrets = app.extensions["gatehouse"].settings.secrets
    for word in (CANARY, job["id"], job["owner"]["id"] + '"', token, cookie.value, *secrets):
        assert str(word).lower() not in text, word


def test_query_parameter_is_refused(app: Flask) -> None:
    """As everywhere: a slip must not look like an answer."""
    answer = app.test_client().get("/metrics?name[]=x")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query")


def test_closed_metrics_are_for_staff_alone(api_settings: ApiSettings, writer: str) -> None:
    """A stranger is 401, a person 403; staff read them with a session or a key. The document says that it is gated."""
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), metrics="closed") as app:
        stranger = app.test_client().get("/metrics")
        assert (stranger.status_code, b"gatehouse_" in stranger.data) == (401, False)
        with logged_in(app, writer_url=writer) as person, with_key(app, writer_url=writer) as holder:
            for client in (person, holder):
                refused = client.get("/metrics")
                assert (refused.status_code, refused.get_json()["code"]) == (403, "permission_denied")
        boss: dict[str, Any] = {"is_staff": True, "writer_url": writer}
        with logged_in(app, **boss) as staff, with_key(app, **boss) as monitor:
            assert [client.get("/metrics").status_code for client in (staff, monitor)] == [200, 200]
        operation = build_document(app)["paths"]["/metrics"]["get"]
        assert operation["security"] != []
        assert app.test_client().get("/health/live").status_code == 200


def test_open_metrics_are_described_as_open(app: Flask) -> None:
    """The document says who may ask and what comes."""
    operation = build_document(app)["paths"]["/metrics"]["get"]
    assert operation["security"] == []
    assert list(operation["responses"]["200"]["content"]) == ["text/plain"]


def test_unknown_setting_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip must not leave open what should be closed."""
    monkeypatch.setenv("GATEHOUSE_METRICS", "off")
    with pytest.raises(ConfigurationError, match=r"GATEHOUSE_METRICS.*open \(all\), closed \(staff\)"):
        load_settings(ApiSettings)


def test_rescued_attempt_is_counted_by_who_rescued_it(bench: EngineBench) -> None:
    """The dead process counts no more; its attempt and the job's outcome are in the numbers of the one that took over."""
    child, other = bench.start_process(), bench.start()
    child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=20, what="it runs")
    child.kill()
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=RESCUE_S, what="it runs again")
    bench.go()
    wait_until(lambda: other.counts.ended()["sample.hold", "succeeded"] == 1, timeout_s=5, what="it ends")
    attempts = other.counts.attempts()
    assert (attempts["sample.hold", "queued"], attempts["sample.hold", "succeeded"]) == (1, 1)
    assert other.counts.accepted()["sample.hold"] == 0
