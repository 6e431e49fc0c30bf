"""Uploads that are refused: too large, too many, broken off, of a broken form, with an odd name;
nothing of them stays."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import (
    Visitor,
    ask,
    keys_of,
    new_visitor,
    stored_files,
    upload,
    upload_form,
)

pytestmark = pytest.mark.usefixtures("site")

LIMIT = 200_000


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with low limits and a folder of its own."""
    limits = {"upload_max_bytes": LIMIT, "upload_person_bytes": 5 * LIMIT, "upload_person_files": 4}
    with running_api(api_settings, job_files_url=f"file://{tmp_path / 'files'}", **limits) as app:
        yield app


def _chunked(body: bytes) -> dict[str, Any]:
    environ = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return {"environ_overrides": {**environ, "HTTP_TRANSFER_ENCODING": "chunked"}}


@pytest.mark.parametrize("kind", ["declared", "chunked", "form"])
def test_too_large_file_is_413_and_leaves_nothing(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path, kind: str
) -> None:
    """One byte over the limit, with a length and without, by form; exactly the limit is taken."""
    for size, status in ((LIMIT, 201), (LIMIT + 1, 413)):
        before, body = keys_of(admin), b"x" * size
        if kind == "form":
            answer = upload_form(app, visitor, file=(BytesIO(body), "x"))
        else:
            answer = upload(app, visitor, body, **(_chunked(body) if kind == "chunked" else {}))
        assert answer.status_code == status, answer.data
    assert answer.get_json()["code"] == "file_too_large"
    assert str(LIMIT) in answer.get_json()["detail"]
    assert keys_of(admin) == before
    assert len(stored_files(tmp_path)) == 1


def test_too_large_file_is_refused_before_it_is_read(app: Flask, visitor: Visitor) -> None:
    """A declared length is enough."""

    class Unread(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("it was read")

    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(10**15)}
    answer = upload(app, visitor, b"", environ_overrides=environ)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "file_too_large")


def test_person_may_keep_so_many_files_and_bytes(
    api_settings: ApiSettings, visitor: Visitor, tmp_path: Path
) -> None:
    """Beyond it 507 that says why; what is deleted makes room; others are not concerned."""
    limits = {
        "upload_person_files": 3,
        "upload_person_bytes": 100,
        "job_files_url": f"file://{tmp_path / 'files'}",
    }
    with running_api(api_settings, **limits) as app:
        assert upload(app, visitor, b"x" * 60).status_code == 201
        full = upload(app, visitor, b"x" * 41)
        assert (full.status_code, full.get_json()["code"]) == (507, "too_many_files")
        assert "100 bytes" in full.get_json()["detail"]
        quota = full.get_json()["quota"]
        assert (quota["kind"], quota["used"], quota["limit"]) == ("upload_bytes", 60, 100)
        assert ask(app, quota["links"]["files"], cookie=visitor.cookie).status_code == 200
        unknown = upload(app, visitor, b"", **_chunked(b"x" * 41))
        assert (unknown.status_code, "100 bytes" in unknown.get_json()["detail"]) == (507, True)
        paths = [upload(app, visitor, b"x" * 20).get_json()["links"]["self"] for _ in range(2)]
        many = upload(app, visitor, b"")
        assert (many.status_code, "3 files" in many.get_json()["detail"]) == (507, True)
        assert upload(app, new_visitor(), b"x").status_code == 201
        assert ask(app, paths[0], method="DELETE", cookie=visitor.cookie).status_code == 204
        assert upload(app, visitor, b"x" * 20).status_code == 201


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/", "a%0Ab", "a%00", "%E2%80%A8", "x" * 256, "x" * 2000]
)
def test_odd_name_is_refused(app: Flask, visitor: Visitor, admin: redis.Redis, name: str) -> None:
    """400 that says what is accepted; nothing is stored."""
    before = keys_of(admin)
    answer = upload(app, visitor, b"x", query=f"?name={name}")
    assert answer.status_code == 400
    assert "name" in str(answer.get_json())
    assert keys_of(admin) == before


HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'


FORMS: dict[str, bytes] = {
    "nothing": b"",
    "no part": b"--b--\r\n",
    "a field only": b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
    "cut in the head": HEAD[:40],
    "cut in the file": HEAD + b"x" * 1000,
    "cut in the last boundary": HEAD + b"x\r\n--b",
    "two files": HEAD + b"x\r\n" + HEAD + b"y\r\n--b--\r\n",
    "a file and a field": HEAD + b"x\r\n--b\r\nContent-Disposition: form-data; "
    b'name="more"\r\n\r\ny\r\n--b--\r\n',
    "no disposition": b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n",
    "head that is not UTF-8": b'--b\r\nContent-Disposition: form-data; name="\xff"; '
    b'filename="x"\r\n\r\nx\r\n--b--\r\n',
    "long preamble": b"x" * 150_000,
    "name with a control character": HEAD.replace(b'"x"', b'"x\x01"') + b"x\r\n--b--\r\n",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_broken_form_is_400_and_leaves_nothing(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path, body: bytes
) -> None:
    """A problem that says what is accepted."""
    before = keys_of(admin)
    answer = upload(app, visitor, body, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), answer.data
    assert keys_of(admin) == before
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", 'multipart/form-data; boundary=""']
)
def test_form_without_a_boundary_is_400(app: Flask, visitor: Visitor, content_type: str) -> None:
    """It can't be read."""
    assert upload(app, visitor, HEAD, content_type=content_type).status_code == 400


@pytest.mark.parametrize("terminated", [True, False])
def test_upload_that_breaks_off_leaves_nothing(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path, terminated: bool
) -> None:
    """Fewer bytes than declared are no file, under a server that says so and under one that just
    ends."""
    before = keys_of(admin)
    environ = {"wsgi.input": BytesIO(b"x" * 100_000), "CONTENT_LENGTH": "100001"}
    if terminated:
        environ["wsgi.input_terminated"] = True
    answer = upload(app, visitor, b"", environ_overrides=environ)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert keys_of(admin) == before
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize("query", ["?nam=x", "?name=a&name=b", "?owner=1"])
def test_unknown_parameter_of_an_upload_is_named(app: Flask, visitor: Visitor, query: str) -> None:
    """400 before anything is read."""
    assert upload(app, visitor, b"x", query=query).get_json()["code"] == "invalid_query"


def test_upload_from_another_site_is_refused(app: Flask, visitor: Visitor) -> None:
    """A form on a foreign page sends the cookie along: that is not enough."""
    parts = {"file": (BytesIO(b"x"), "x")}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = ask(
        app, "/api/files", method="POST", cookie=visitor.cookie, data=parts, headers=headers
    )
    assert answer.status_code == 403
