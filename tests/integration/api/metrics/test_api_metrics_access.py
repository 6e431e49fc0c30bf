"""Who may read the metrics, and what nobody reads there: bounded series, no person, no secret."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from flask_api.app import create_app
from flask_api.gate.state import gate_state
from flask_api.openapi.document import build_document
from flask_api.testing import logged_in, running_api, with_key
from shared.errors import ConfigurationError
from shared.settings import ApiSettings, load_settings
from tests.integration.api.metrics.metrics_bench import Numbers, scrape, submit
from tests.integration.gate.gate_bench import SAMPLE_TASKS

CANARY = "canary-3f7a"
NOWHERE = SecretStr(f"redis://{CANARY}:{CANARY}@127.0.0.1:1/0")


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with the sample tasks."""
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,)) as app:
        yield app


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
    assert (
        numbers.of("gatehouse_http_request_duration_seconds_bucket", endpoint="me.me", le="+Inf")
        == 3
    )
    assert not [name for name, _ in numbers.series if name.endswith("_created")], (
        "twice as many series for nobody"
    )


def test_strangers_can_make_no_new_series(app: Flask, ada: FlaskClient) -> None:
    """A thousand paths, methods and names of tasks would be a thousand series in the monitor's
    memory."""

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
    """Which guard refused a credential is in the log alone:
    these numbers are open, and would tell a thief what is wrong."""
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
    cross = ada.post(
        "/jobs", json={"task": "sample.echo"}, headers={"Origin": "https://evil.example"}
    )
    assert cross.status_code == 403
    numbers = scrape(app)
    reasons = {
        dict(labels)["reason"]: value
        for (name, labels), value in numbers.series.items()
        if "refusals_total" in name
    }
    assert reasons == {
        "no_credential": 1,
        "not_authenticated": 4,
        "ambiguous_credentials": 1,
        "cross_site": 1,
    }


def test_no_person_argument_path_or_secret_is_told(app: Flask, writer: str) -> None:
    """Whatever is fed in does not come out."""
    person, holding = f"{CANARY}-person", f"{CANARY}-holder"
    with (
        logged_in(app, person, writer_url=writer) as client,
        with_key(app, holding, writer_url=writer) as holder,
    ):
        job = submit(client, "sample.echo", wait_s=5, arguments={"value": CANARY})
        submit(client, "sample.fail", wait_s=5, arguments={"message": CANARY})
        client.get(
            f"/{CANARY}?{CANARY}={CANARY}", headers={"User-Agent": CANARY, "X-Request-Id": CANARY}
        )
        client.open("/me", method=CANARY.upper())
        holder.get("/me", headers={"Host": CANARY})
        token = holder.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        cookie = client.get_cookie("sessionid")
        assert cookie is not None
        text = client.get("/metrics").get_data(as_text=True).lower()
    secrets = gate_state(app).settings.secrets
    for word in (CANARY, job["id"], job["owner"]["id"] + '"', token, cookie.value, *secrets):
        assert str(word).lower() not in text, word


def test_query_parameter_is_refused(app: Flask) -> None:
    """As everywhere: a slip must not look like an answer."""
    answer = app.test_client().get("/metrics?name[]=x")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query")


def test_closed_metrics_are_for_staff_alone(api_settings: ApiSettings, writer: str) -> None:
    """A stranger is 401, a person 403; staff read them with a session or a key.
    The document says that it is gated."""
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), metrics="closed") as app:
        stranger = app.test_client().get("/metrics")
        assert (stranger.status_code, b"gatehouse_" in stranger.data) == (401, False)
        with (
            logged_in(app, writer_url=writer) as person,
            with_key(app, writer_url=writer) as holder,
        ):
            for client in (person, holder):
                refused = client.get("/metrics")
                assert (refused.status_code, refused.get_json()["code"]) == (
                    403,
                    "permission_denied",
                )
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
    with pytest.raises(
        ConfigurationError,
        match=r"GATEHOUSE_METRICS.*open \(everybody\), closed "
        r"\(staff\)",
    ):
        load_settings(ApiSettings)


def test_both_stores_away_from_the_start_is_no_error(api_settings: ApiSettings) -> None:
    """A process that never reached Redis says so, and names neither host nor password."""
    app = create_app(
        api_settings.model_copy(update={"api_redis_url": NOWHERE, "jobs_redis_url": NOWHERE})
    )
    answer = app.test_client().get("/metrics").get_data(as_text=True)
    assert Numbers(answer).of("gatehouse_redis_up", store="sessions") == 0
    assert not [word for word in (CANARY, "127.0.0.1", "redis://") if word in answer]
