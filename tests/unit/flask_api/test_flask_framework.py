"""The API's Flask does less than Flask at every request, and answers the same."""

import io
from typing import Any, cast

import pytest
from flask import Flask, Response
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from flask_api.framework import ApiFlask
from flask_api.http.json_body import read_json_text

THEIRS, OURS = Flask("theirs"), ApiFlask("ours")
for _app in (THEIRS, OURS):
    _app.config["MAX_CONTENT_LENGTH"] = 10
    _app.json.sort_keys = False  # type: ignore[attr-defined]

ENVIRONS: list[dict[str, str]] = [
    {},
    {"HTTP_HOST": "Example.ORG:80"},
    {"HTTP_HOST": "example.org:8080", "SCRIPT_NAME": "/tools/api"},
    {"HTTP_HOST": "[::1]:8000", "PATH_INFO": "/jobs/\xc3\xa4"},
    {"HTTP_HOST": f"{'a' * 64}.org"},
    {"HTTP_HOST": "exa mple/org"},
    {"HTTP_HOST": "..", "QUERY_STRING": "a=\xff"},
    {"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"},
]


@pytest.mark.parametrize("more", ENVIRONS, ids=str)
def test_request_of_any_host_and_path_is_routed_as_flask_routes_it(more: dict[str, str]) -> None:
    """The same names and paths, and the same refusals."""
    environ = EnvironBuilder(path="/jobs", query_string="limit=2").get_environ() | more
    assert _adapter(OURS, environ) == _adapter(THEIRS, environ)


def _adapter(app: Flask, environ: dict[str, Any]) -> Any:
    try:
        adapter = app.create_url_adapter(app.request_class(dict(environ)))
    except HTTPException as error:
        return error.code
    return {name: value for name, value in vars(adapter).items() if name != "map"}


@pytest.mark.parametrize("status", [200, 202, 204, 304])
@pytest.mark.parametrize(
    "value", [{"b": "\u202e\xe4", "a": [1.5, None]}, "text", [], None], ids=repr
)
def test_json_is_answered_as_flask_answers_it(value: object, status: int) -> None:
    """Byte for byte, header for header."""
    answers = []
    for app in (THEIRS, OURS):
        with app.app_context():
            answer = cast(Response, app.json.response(value))
        answer.status_code = status
        environ = EnvironBuilder().get_environ()
        pieces, line, headers = answer.get_wsgi_response(environ)
        answers.append((b"".join(pieces), line, headers))
    assert answers[0] == answers[1]


class _Slow(io.BytesIO):
    """A stream that has a byte at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, 1 if size is None else size))


@pytest.mark.parametrize("stream", [io.BytesIO, _Slow])
def test_body_is_read_whole_or_not_at_all(stream: type[io.BytesIO]) -> None:
    """However it comes, neither half of one nor more than its length."""

    def read(sent: bytes, length: int) -> bytes:
        environ = EnvironBuilder(method="POST", content_type="application/json").get_environ()
        environ |= {"wsgi.input": stream(sent), "CONTENT_LENGTH": str(length)}
        with OURS.request_context(environ):
            return read_json_text()

    assert read(b'{"a":1}{"b":2}', 7) == b'{"a":1}'
    with pytest.raises(ClientDisconnected):
        read(b'{"a":', 7)
    with pytest.raises(RequestEntityTooLarge):
        read(b"1" * 11, 11)
