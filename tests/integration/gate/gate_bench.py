"""Both sides in one process: people with real sessions on Django's side,
requests to the API under its prefix."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import redis
from django.test import Client
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.state import gate_state
from flask_api.jobs.records import keyspace
from tests.folders import files_below

PASSWORD = "correct horse battery staple"
SAMPLE_TASKS = "tests.integration.engine.sample_tasks"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Visitor:
    """A person, the browser that they are logged in with, and that browser's session key."""

    person: Any
    browser: Client
    cookie: str


def new_visitor(*, by_form: bool = False, **fields: Any) -> Visitor:
    """Create a person with a verified address and log them in;
    ``by_form`` with the real page and its password check."""
    from allauth.account.models import EmailAddress

    from django_site.accounts.models import User

    name = f"visitor{next(_numbers)}"
    person = User.objects.create(
        username=name, email=f"{name}@example.org", password=_password_hash(), **fields
    )
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return log_in_again(person, by_form=by_form)


def log_in_again(person: Any, *, by_form: bool = False) -> Visitor:
    """Log the person in with another browser."""
    browser = new_browser()
    if by_form:
        answer = browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()
    else:
        browser.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return Visitor(person, browser, browser.cookies["sessionid"].value)


def new_browser() -> Client:
    """Return a client of the site at an address of its own: log-ins are limited per address."""
    number = next(_numbers)
    return Client(REMOTE_ADDR=f"198.18.{number // 250}.{number % 250 + 1}")


def ask(
    app: Flask,
    path: str,
    *,
    cookie: str | None = None,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> TestResponse:
    """Send one request to the API mounted at its prefix, as wsgi.py mounts it;
    ``path`` is the whole path."""
    mounted = DispatcherMiddleware(NotFound(), {gate_state(app).settings.api_prefix: app})
    sent = {"Cookie": f"sessionid={cookie}"} if cookie is not None else {}
    return WsgiClient(mounted, use_cookies=False).open(
        path, method=method, headers={**sent, **(headers or {})}, **options
    )


def post(app: Flask, visitor: Visitor, path: str, body: Any = None) -> TestResponse:
    """Post JSON that is accepted."""
    answer = ask(app, path, method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code in (200, 202), answer.data
    return answer


def submit(app: Flask, visitor: Visitor, task: str, *, wait: int = 0, **arguments: Any) -> str:
    """Submit a job; return its id."""
    body = {"task": task, "arguments": arguments}
    return str(post(app, visitor, f"/api/jobs?wait={wait}", body).get_json()["id"])


def submit_batch(app: Flask, visitor: Visitor, task: str, arguments: list[dict[str, Any]]) -> str:
    """Submit a batch; return its id."""
    return str(
        post(app, visitor, "/api/batches", {"task": task, "arguments": arguments}).get_json()["id"]
    )


def upload(
    app: Flask, visitor: Visitor, body: bytes, *, query: str = "", **options: Any
) -> TestResponse:
    """Upload a body as it is."""
    # what curl --data-binary says
    sent = {"content_type": "application/x-www-form-urlencoded", **options}
    return ask(app, f"/api/files{query}", method="POST", cookie=visitor.cookie, data=body, **sent)


def upload_form(app: Flask, visitor: Visitor, *, query: str = "", **parts: Any) -> TestResponse:
    """Upload by a form."""
    return ask(app, f"/api/files{query}", method="POST", cookie=visitor.cookie, data=parts)


def stored_files(folder: Path) -> list[Path]:
    """Return all that lies in the storage in this folder."""
    return files_below(folder / "files")


@contextmanager
def admin_of(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything, with values as bytes."""
    with redis.Redis.from_url(valkey.url("admin")) as client:
        yield client


def keys_of(admin: redis.Redis, pattern: str = "gatehouse:jobs:*") -> set[bytes]:
    """Return the names of the entries that match."""
    return set(admin.scan_iter(match=pattern, count=1000))


def tell(
    admin: redis.Redis, visitor: Visitor, job: str = "j", *, text: str = "{}", times: int = 1
) -> None:
    """Write events of a person's, as the engine's scripts do."""
    with admin.pipeline(transaction=False) as pipeline:
        for number in range(times):
            event = f'{{"event":"report","number":{number},"text":"{text}"}}'
            pipeline.xadd(keyspace.events(str(visitor.person.pk)), {"job": job, "event": event})
        pipeline.execute()


@cache
def _password_hash() -> str:
    """Hash PASSWORD once: Django's hash takes half a second on purpose."""
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)
