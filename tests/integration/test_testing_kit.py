"""The test kit for service developers, on somebody else's Flask application and on a Valkey of its
own."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.extension import Gatehouse, current_identity, current_principal
from flask_api.gate.requirements import (
    login_required,
    permission_required,
    recent_login_required,
    scope_required,
    staff_required,
)
from flask_api.gate.state import gate_state
from flask_api.testing import (
    FakeClock,
    People,
    key_client,
    logged_in,
    new_principal,
    private_settings,
    running_api,
    session_client,
    with_key,
)
from shared.errors import ConfigurationError, SessionStoreUnavailable
from shared.redis import build_client
from shared.settings import ROOT, ApiSettings


@pytest.fixture(scope="module")
def settings() -> Iterator[ApiSettings]:
    """Settings that lead to a Valkey of this module alone."""
    with private_settings() as settings:
        yield settings


def service(settings: ApiSettings, clock: FakeClock | None = None) -> Flask:
    """Somebody else's application: each view has one requirement and says who asks."""
    app = Flask("theirs")
    Gatehouse(app, settings=settings)
    gates = {
        "login": login_required,
        "staff": staff_required,
        "permission": permission_required("books.view_book"),
        "scope": scope_required("jobs:submit"),
        "recent": recent_login_required(max_age_s=60, clock=clock or time.time),
    }
    for name, gate in gates.items():
        app.add_url_rule(
            f"/{name}",
            endpoint=name,
            view_func=gate(lambda: current_principal().username),
            methods=["GET", "POST"],
        )
    return app


@pytest.fixture
def app(settings: ApiSettings) -> Iterator[Flask]:
    """Their application."""
    app = service(settings)
    yield app
    gate_state(app).store.close()


def _writer(settings: ApiSettings) -> str:
    return settings.redis_url.get_secret_value()


def entries(settings: ApiSettings) -> list[str]:
    """Return the names of all sessions, principals and keys."""
    with build_client(_writer(settings), timeout_s=1, max_connections=1) as client:
        return [str(name) for name in client.scan_iter() if "key-used" not in str(name)]


def test_nobody_is_refused(app: Flask) -> None:
    """Without the kit the gate is shut: what the kit opens is the real one."""
    assert app.test_client().get("/login").status_code == 401


def test_person_is_whoever_the_test_says(app: Flask) -> None:
    """Name, staff and permissions are those that were asked for, and no others."""
    with logged_in(app, "ada", permissions=["books.view_book"]) as client:
        assert client.get("/login").text == "ada"
        assert client.get("/permission").status_code == 200
        assert client.get("/staff").status_code == 403
    with logged_in(app, "bob", is_staff=True) as client:
        assert client.get("/staff").text == "bob"
        assert client.get("/permission").status_code == 403


def test_two_people_of_one_name_are_two_people(app: Flask) -> None:
    """Each client has its own session; leaving one leaves the other."""
    with logged_in(app, "ada", is_staff=True) as first:
        with logged_in(app, "ada") as second:
            assert (first.get("/staff").status_code, second.get("/staff").status_code) == (200, 403)
        assert second.get("/login").status_code == 401
        assert first.get("/staff").status_code == 200


def test_key_has_the_scopes_that_were_asked_for(app: Flask) -> None:
    """All scopes by default, else those given; a key never logged in lately."""
    with with_key(app) as client:
        assert client.get("/scope").text == "ada"
        assert client.post("/scope").status_code == 200
        assert client.get("/recent").status_code == 403
    with with_key(app, "bob", scopes=["jobs:read"], is_staff=True) as client:
        assert client.get("/scope").status_code == 403
        assert client.get("/staff").text == "bob"


def test_log_in_of_long_ago_is_not_recent(app: Flask) -> None:
    """``ago_s`` makes an old session, which step-up refuses and the absolute lifetime ends."""
    with logged_in(app, ago_s=120) as client:
        assert client.get("/login").status_code == 200
        assert client.get("/recent").get_json()["code"] == "recent_login_required"
    with logged_in(app, ago_s=31 * 86_400) as client:
        assert client.get("/login").status_code == 401


def test_fake_clock_makes_a_session_old(settings: ApiSettings) -> None:
    """The clock of a requirement can be moved instead."""
    clock = FakeClock(time.time())
    app = service(settings, clock)
    with logged_in(app) as client:
        assert client.get("/recent").status_code == 200
        clock.advance(61)
        assert client.get("/recent").status_code == 401
        assert client.get("/login").status_code == 200
    gate_state(app).store.close()


def test_nothing_is_left_behind(app: Flask, settings: ApiSettings) -> None:
    """Sessions, principals and keys go when the block ends, by an error too,
    and live for an hour at most."""
    before = set(entries(settings))

    def fail() -> None:
        with (
            logged_in(app),
            with_key(app),
            build_client(_writer(settings), timeout_s=1, max_connections=1) as client,
        ):
            made = set(entries(settings)) - before
            assert len(made) == 4
            assert all(0 < int(client.ttl(name)) <= 3600 for name in made)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert set(entries(settings)) == before


def test_one_person_may_have_several_clients_and_be_changed(
    app: Flask, settings: ApiSettings
) -> None:
    """What Django does to a person takes effect on the next request:
    demotion, password, log-out, deactivation, deletion."""
    with People(settings) as people:
        ada = people.add(new_principal("ada", is_staff=True))
        cookie = people.new_session(ada)
        browser, other = session_client(app, cookie), session_client(app, people.new_session(ada))
        script = key_client(app, people.new_api_key(ada))
        assert {client.get("/staff").text for client in (browser, other, script)} == {"ada"}
        people.add(replace(ada, is_staff=False))
        assert browser.get("/staff").status_code == 403
        people.log_out(cookie)
        assert (browser.get("/login").status_code, other.get("/login").status_code) == (401, 200)
        people.add(replace(ada, auth_hash="changed"))
        assert (other.get("/login").status_code, script.get("/login").status_code) == (401, 200)
        people.add(replace(ada, is_active=False))
        assert script.get("/login").status_code == 401
        people.add(ada)
        assert script.get("/login").status_code == 200
        people.remove(ada)
        assert script.get("/login").status_code == 401
        assert (
            key_client(app, people.new_api_key(people.add(ada), expires_in_s=-1))
            .get("/login")
            .status_code
            == 401
        )


def test_identity_is_a_whole_one(app: Flask, settings: ApiSettings) -> None:
    """What a view asks about the person and the credential is there."""
    with People(settings) as people:
        ada = people.add(
            new_principal("ada", groups=["readers"], email="ada@example.org", email_verified=True)
        )
        cookie = people.new_session(ada, ago_s=7)
        with app.test_request_context("/login", headers={"Cookie": f"sessionid={cookie}"}):
            identity = current_identity()
    assert identity.principal == ada
    assert identity.key is None
    assert identity.authenticated_at is not None
    assert 7 <= time.time() - identity.authenticated_at < 60


@pytest.mark.parametrize(
    "changes", [{"production": True, "trusted_proxy": True}, {"session_cookie_name": "theirs"}]
)
def test_client_sends_the_cookie_that_the_settings_name(
    settings: ApiSettings, changes: dict[str, object]
) -> None:
    """Also under a server name of their own, and for production's HTTPS."""
    app = service(settings.model_copy(update={**changes, "allowed_hosts": ("theirs.example.org",)}))
    app.config["SERVER_NAME"] = "theirs.example.org:8443"
    with logged_in(app) as client:
        assert (
            client.get(
                "/login",
                base_url="https://theirs.example.org:8443",
                headers={"X-Forwarded-Proto": "https"},
            ).text
            == "ada"
        )
    gate_state(app).store.close()


def test_redis_user_who_may_not_write_is_explained(app: Flask, settings: ApiSettings) -> None:
    """The API's own user is refused by Redis itself; the error says which argument helps."""
    assert settings.api_redis_url is not None
    with (
        pytest.raises(ConfigurationError, match="give writer_url one that may"),
        logged_in(app, writer_url=settings.api_redis_url.get_secret_value()),
    ):
        pass


def test_redis_that_is_away_is_said_at_once(settings: ApiSettings) -> None:
    """No hang, and no misleading 401."""
    app = service(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    began = time.monotonic()
    with pytest.raises(SessionStoreUnavailable), logged_in(app):
        pass
    assert time.monotonic() - began < 3


def test_settings_without_a_named_redis_write_where_the_gate_reads(tmp_path: Path) -> None:
    """A default that nobody chose is never written to: it may be somebody's real Redis."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as valkey:
        settings = ApiSettings(session_secrets=("s" * 32,), api_redis_url=valkey.url("django"))
        assert "redis_url" not in settings.model_fields_set
        app = service(settings)
        with logged_in(app) as client:
            assert client.get("/login").status_code == 200
        gate_state(app).store.close()


def test_private_settings_are_the_tests_own(tmp_path: Path, settings: ApiSettings) -> None:
    """Another server, other secrets, files in the folder that was given,
    and no setting that leads elsewhere."""
    with private_settings(tmp_path, job_threads=3) as own:
        assert own.job_threads == 3
        assert own.secrets != settings.secrets
        assert own.job_files_url == f"file://{tmp_path / 'files'}"
        urls = {own.session_store_url, own.job_store_url, own.redis_url.get_secret_value()}
        assert all(str(tmp_path) in url for url in urls)


def test_task_runs_as_a_job_of_who_is_logged_in(settings: ApiSettings) -> None:
    """The API with its engine: submit, wait, result; another person's job is not there."""
    with (
        running_api(settings, task_modules=("flask_api.tasks.primes",)) as api,
        logged_in(api) as ada,
        with_key(api, "bob") as bob,
    ):
        job = ada.post(
            "/jobs?wait=10", json={"task": "primes.sum", "arguments": {"limit": 10}}
        ).get_json()
        assert (job["status"], job["result"], job["owner"]["username"]) == ("succeeded", 17, "ada")
        assert ada.get(f"/jobs/{job['id']}").status_code == 200
        assert bob.get(f"/jobs/{job['id']}").status_code == 404


def test_service_itself_never_imports_the_kit() -> None:
    """What writes sessions is for tests only."""
    files = [
        path
        for folder in ("shared", "flask_api", "django_site", "deploy")
        for path in (ROOT / folder).rglob("*.py")
    ]
    users = [
        path
        for path in files
        if "flask_api.testing" in path.read_text() and path.parent.name != "testing"
    ]
    assert users == []
