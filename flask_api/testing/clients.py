"""Flask test clients that the gate knows: by a session, or by an API key.

with logged_in(app, "ada", permissions=["reports.view_report"]) as client:
    assert client.get("/reports").status_code == 200
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from flask_api.gate.state import gate_state
from flask_api.testing.people import People, new_principal
from shared.contract.api_keys import SCOPES


@contextmanager
def logged_in(
    app: Flask,
    username: str = "ada",
    *,
    ago_s: int = 0,
    writer_url: str | None = None,
    **fields: Any,
) -> Iterator[FlaskClient]:
    """Give a client of ``app`` that a new person is logged in with, since ``ago_s`` seconds.

    ``fields`` are the person's, as for new_principal: ``permissions=[...]``, ``is_staff=True``.
    ``app`` has ``Gatehouse(app)``; for ``writer_url`` see People.
    Raises KeyError when ``app`` has no gate.
    """
    with People(gate_state(app).settings, writer_url=writer_url) as people:
        person = people.add(new_principal(username, **fields))
        yield session_client(app, people.new_session(person, ago_s=ago_s))


@contextmanager
def with_key(
    app: Flask,
    username: str = "ada",
    *,
    scopes: Iterable[str] = SCOPES,
    writer_url: str | None = None,
    **fields: Any,
) -> Iterator[FlaskClient]:
    """Give a client of ``app`` that sends a new person's API key with these scopes;
    the rest is as for logged_in."""
    with People(gate_state(app).settings, writer_url=writer_url) as people:
        person = people.add(new_principal(username, **fields))
        yield key_client(app, people.new_api_key(person, scopes=scopes))


def session_client(app: Flask, cookie: str) -> FlaskClient:
    """Return a client of ``app`` that sends this session cookie."""
    client = app.test_client()
    host = str(app.config["SERVER_NAME"] or "localhost").partition(":")[0]
    client.set_cookie(gate_state(app).settings.cookie_name, cookie, domain=host)
    return client


def key_client(app: Flask, token: str) -> FlaskClient:
    """Return a client of ``app`` that sends this API key."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client
