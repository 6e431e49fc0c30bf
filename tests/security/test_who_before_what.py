"""Who may is decided before what was sent is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_api.testing import with_key

HEADERS = {"Content-Length": "100000", "Content-Type": "application/json"}


class Unread(BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail."""
        raise AssertionError(f"the body was read: {size} bytes")

    readinto = readline = readlines = read  # type: ignore[assignment]


@contextmanager
def client_of(app: Flask, writer: str, *scopes: str) -> Iterator[FlaskClient]:
    """Give a client with a key of these scopes."""
    with with_key(app, scopes=scopes, writer_url=writer) as client:
        yield client


BODIES = ["/jobs", "/batches", "/files", "/batches/00000000-0000-7000-8000-000000000000/withdraw"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("scopes", [(), ("jobs:read",)])
def test_key_without_the_scope_is_refused_with_its_body_unread(
    app: Flask, writer: str, path: str, scopes: tuple[str, ...]
) -> None:
    """However large it is."""
    with client_of(app, writer, *scopes) as client:
        assert (
            client.post(path, input_stream=Unread(b"x" * 1000), headers=HEADERS).status_code == 403
        )


@pytest.mark.parametrize("path", BODIES)
def test_stranger_and_cross_site_page_are_refused_with_their_body_unread(
    app: Flask, ada: FlaskClient, path: str
) -> None:
    """401 and 403."""
    assert (
        app.test_client().post(path, input_stream=Unread(b"x" * 1000), headers=HEADERS).status_code
        == 401
    )
    cross_site = {**HEADERS, "Sec-Fetch-Site": "cross-site"}
    assert ada.post(path, input_stream=Unread(b"x" * 1000), headers=cross_site).status_code == 403


QUERIES = ["/jobs", "/jobs/00000000-0000-7000-8000-000000000000/log", "/operate/jobs", "/tasks"]


@pytest.mark.parametrize("path", QUERIES)
def test_who_may_not_is_refused_with_their_query_unread(
    app: Flask, writer: str, ada: FlaskClient, path: str
) -> None:
    """403 for a key without the scope and who is no operator; 400 for who may."""
    with client_of(app, writer, "jobs:cancel") as client:
        assert client.get(f"{path}?zzz=1").status_code == (400 if path == "/tasks" else 403)
    is_open = not path.startswith("/operate")
    assert ada.get(f"{path}?zzz=1").status_code == (400 if is_open else 403)


@pytest.mark.parametrize("path", ["/jobs", "/batches"])
def test_task_is_decided_before_its_arguments_are_checked(
    app: Flask, writer: str, path: str
) -> None:
    """Of another task not even whether it exists is told;
    of no task the arguments are not looked at."""
    wrong: Any = {"count": "x"} if path == "/jobs" else [{"count": "x"}]
    with client_of(app, writer, "tasks:sample.echo") as client:
        answers = {
            task: client.post(path, json={"task": task, "arguments": wrong}).status_code
            for task in ("sample.echo", "sample.fail", "no.such")
        }
    assert answers == {"sample.echo": 422, "sample.fail": 403, "no.such": 403}
    with client_of(app, writer, "jobs:submit") as client:
        assert client.post(path, json={"task": "no.such", "arguments": wrong}).status_code == 404
