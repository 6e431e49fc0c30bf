"""Django with a real database, Flask with real jobs, and people to log in:
Django writes, Flask reads."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django
import pytest
import redis
from django.core.management import call_command
from django.test import override_settings
from flask import Flask
from flask.testing import FlaskClient

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace
from flask_api.testing import logged_in as logged_in_client
from flask_api.testing import running_api
from shared.settings import ApiSettings, load_settings
from tests.integration.api.api_server import event_readers, served
from tests.integration.api.listener import Listeners, listeners
from tests.integration.engine import sample_tasks
from tests.integration.engine.engine_fixtures import bench, engine, engine_valkey
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, admin_of, new_visitor
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

__all__ = ["bench", "engine", "engine_valkey"]

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def site() -> Iterator[None]:
    """Django, set up and migrated once; its passwords are hashed with fewer rounds."""
    django.setup()
    call_command("migrate", verbosity=0)
    with override_settings(PASSWORD_HASHERS=["tests.quick_hasher.QuickPasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _no_throttling_between_tests(request: pytest.FixtureRequest) -> None:
    """Log-in limits are per address, and all tests come from one:
    each starts with its own count."""
    if "site" in request.fixturenames:
        request.getfixturevalue("site")
        from django.core.cache import cache

        cache.clear()


@pytest.fixture(autouse=True)
def _no_jobs_of_other_tests(valkey: EmbeddedValkey) -> None:
    """What a test before handed over when its server stopped would be run by this one's,
    and a job that hangs would keep its only thread."""
    with admin_of(valkey) as client:
        client.delete(keyspace.DELAYED, keyspace.ORPHANS)


@pytest.fixture
def new_person(site: None) -> "Callable[..., User]":
    """A function that creates a person with PASSWORD,
    a verified address and a name nobody else has."""
    from allauth.account.models import EmailAddress

    from django_site.accounts.models import User

    def create(**fields: object) -> User:
        name = f"person{next(_numbers)}"
        person = User.objects.create_user(
            name, email=f"{name}@example.org", password=PASSWORD, **fields
        )
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        return person

    return create


@pytest.fixture
def person(new_person: "Callable[..., User]") -> "User":
    """A person."""
    return new_person()


@pytest.fixture
def browser(site: None) -> "Client":
    """A client of the Django site that nobody is logged in with."""
    from django.test import Client

    return Client()


@pytest.fixture
def logged_in(browser: "Client", person: "User") -> "Client":
    """A client of the Django site that ``person`` is logged in with."""
    log_in(browser, person)
    return browser


def log_in(browser: "Client", person: "User") -> str:
    """Log in as a person does, by the form; return the session key."""
    answer = browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return browser.cookies["sessionid"].value


@pytest.fixture(scope="session")
def api_settings() -> ApiSettings:
    """The API's settings, as the environment has them, but for patience:
    a busy machine must not look like an outage."""
    return load_settings(ApiSettings).model_copy(update={"redis_timeout_ms": 1000})


@pytest.fixture
def api(api_settings: ApiSettings) -> Iterator[Flask]:
    """The Flask API with its jobs running."""
    with running_api(api_settings) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with the sample tasks and a folder of its own, unless a module has another."""
    sample_tasks.RELEASE.clear()
    with running_api(
        api_settings, task_modules=(SAMPLE_TASKS,), job_files_url=f"file://{tmp_path / 'files'}"
    ) as app:
        yield app
        sample_tasks.RELEASE.set()


@pytest.fixture
def writer(valkey: EmbeddedValkey) -> str:
    """Who may write sessions: Django's user."""
    return valkey.url("django")


@pytest.fixture
def ada(app: Flask, writer: str) -> Iterator[FlaskClient]:
    """A client that Ada is logged in with."""
    with logged_in_client(app, writer_url=writer) as client:
        yield client


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where that API is served."""
    with served(app) as address:
        yield address


@pytest.fixture
def streams(address: str) -> Iterator[Listeners]:
    """Opens streams of that API; afterwards no reader is left."""
    with listeners(address) as opened:
        yield opened
    wait_until(
        lambda: not event_readers(),
        timeout_s=5,
        what="the reader of events has ended with the last stream",
    )
