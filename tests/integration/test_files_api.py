"""Files in, over the API: upload by form and by body, look, list, get back, delete; whose they are; what is refused."""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from deploy.valkey import EmbeddedValkey
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate_bench import Visitor, admin_of, ask, keys_of, new_visitor

pytestmark = pytest.mark.usefixtures("site")

TASKS = ("tests.integration.input_tasks",)
ABSENT = "00000000-0000-7000-8000-000000000000"
LIMIT = 200_000
STRANGERS = ["", "/content"]


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with low limits and a folder of its own."""
    limits = {"upload_max_bytes": LIMIT, "upload_person_bytes": 5 * LIMIT, "upload_person_files": 4}
    with running_api(api_settings, task_modules=TASKS, job_files_url=f"file://{tmp_path / 'files'}", **limits) as app:
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


def send(app: Flask, visitor: Visitor, body: bytes, *, query: str = "", **options: Any) -> TestResponse:
    """Upload a body as it is."""
    sent = {"content_type": "application/x-www-form-urlencoded", **options}  # what curl --data-binary says
    return ask(app, f"/api/files{query}", method="POST", cookie=visitor.cookie, data=body, **sent)


def send_form(app: Flask, visitor: Visitor, *, query: str = "", **parts: Any) -> TestResponse:
    """Upload by a form."""
    return ask(app, f"/api/files{query}", method="POST", cookie=visitor.cookie, data=parts)


def stored(tmp_path: Path) -> list[Path]:
    """Return all that lies in the storage."""
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def get(app: Flask, visitor: Visitor, path: str) -> Any:
    """Get JSON."""
    answer = ask(app, path, cookie=visitor.cookie)
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def test_body_becomes_a_file_and_comes_back_as_it_was(app: Flask, visitor: Visitor) -> None:
    """201 with Location and the documented record; the content is a download and byte for byte the same."""
    body = "straße,1\n".encode() * 1000
    answer = send(app, visitor, body, query="?name=a%20table.csv")
    record = answer.get_json()
    assert answer.status_code == 201, record
    assert answer.headers["Location"] == record["links"]["self"] == f"/api/files/{record['id']}"
    assert get(app, visitor, answer.headers["Location"]) == record
    assert {name: record[name] for name in ("name", "size", "media_type", "sha256")} == {
        "name": "a table.csv",
        "size": len(body),
        "media_type": "text/plain",
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert record["expires_at"][:10] > record["created_at"][:10]
    content = ask(app, record["links"]["content"], cookie=visitor.cookie)
    assert (content.status_code, content.data) == (200, body)
    assert content.headers["Content-Disposition"].startswith("attachment")
    assert content.headers["Content-Length"] == str(len(body))
    assert content.headers["X-Content-Type-Options"] == "nosniff"


def test_form_with_one_file_is_as_good(app: Flask, visitor: Visitor) -> None:
    """As curl -F and a page's form send it; the part's name counts unless the query names it."""
    body = b"a\r\n--not-the-boundary\r\n" * 5000
    record = send_form(app, visitor, file=(BytesIO(body), "logs/access.log")).get_json()
    assert (record["name"], record["size"]) == ("access.log", len(body))
    assert ask(app, record["links"]["content"], cookie=visitor.cookie).data == body
    named = send_form(app, visitor, query="?name=other.log", anything=(BytesIO(b""), "x.log")).get_json()
    assert (named["name"], named["size"]) == ("other.log", 0)


CONTENTS: dict[str, tuple[bytes, str]] = {
    "image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50), "image/png"),
    "page": (b"<!doctype html><html><script>alert(1)</script></html>", "text/html"),
    "text that begins like a bitmap": (b"BMW is a word, too\n" * 10, "text/plain"),
    "binary": (bytes(range(256)) * 4, "application/octet-stream"),
    "text with one NUL": (b"text" * 10_000 + b"\0" + b"text", "application/octet-stream"),
    "text that ends within a character": ("text ß".encode()[:-1], "application/octet-stream"),
    "archive": (b"PK\x03\x04" + bytes(40), "application/zip"),
    "nothing": (b"", "text/plain"),
}


@pytest.mark.parametrize(("content", "media_type"), CONTENTS.values(), ids=CONTENTS.keys())
def test_media_type_is_by_content_whatever_the_client_says(
    app: Flask, visitor: Visitor, content: bytes, media_type: str
) -> None:
    """Neither the header nor the name is believed."""
    answer = send(app, visitor, content, query="?name=x.gif", content_type="image/svg+xml")
    assert answer.get_json()["media_type"] == media_type


@pytest.mark.parametrize("tail", STRANGERS)
def test_file_of_another_person_does_not_exist(app: Flask, visitor: Visitor, tail: str) -> None:
    """404 with the very answer of an id that nobody has, by every verb; staff sees it, as with jobs."""
    path = send(app, visitor, b"mine").get_json()["links"]["self"]
    other, staff = new_visitor(), new_visitor(is_staff=True)
    for method in ("GET", "DELETE") if not tail else ("GET",):
        foreign = ask(app, path + tail, method=method, cookie=other.cookie)
        absent = ask(app, f"/api/files/{ABSENT}{tail}", method=method, cookie=other.cookie)
        assert (foreign.status_code, foreign.data) == (404, absent.data)
    assert get(app, other, "/api/files")["files"] == get(app, staff, "/api/files")["files"] == []
    assert ask(app, path + tail, cookie=staff.cookie).status_code == 200
    assert ask(app, path + tail).status_code == 401
    assert ask(app, "/api/files", method="POST", data=b"x").status_code == 401


def test_listing_pages_through_all_newest_first(app: Flask, visitor: Visitor) -> None:
    """Each file once, by the link to the next page."""
    ids = [send(app, visitor, b"x").get_json()["id"] for _ in range(3)]
    first = get(app, visitor, "/api/files?limit=2")
    second = get(app, visitor, first["links"]["next"])
    assert [file["id"] for file in first["files"] + second["files"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_deleted_file_is_gone(app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path) -> None:
    """204, then 404; nothing of it stays, in Redis or in the storage."""
    before = keys_of(admin)
    path = send(app, visitor, b"x").get_json()["links"]["self"]
    assert len(stored(tmp_path)) == 1
    assert ask(app, path, method="DELETE", cookie=visitor.cookie).status_code == 204
    assert [ask(app, path, method=method, cookie=visitor.cookie).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert stored(tmp_path) == []
    assert keys_of(admin) == before


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
            answer = send_form(app, visitor, file=(BytesIO(body), "x"))
        else:
            answer = send(app, visitor, body, **(_chunked(body) if kind == "chunked" else {}))
        assert answer.status_code == status, answer.data
    assert answer.get_json()["code"] == "file_too_large"
    assert str(LIMIT) in answer.get_json()["detail"]
    assert keys_of(admin) == before
    assert len(stored(tmp_path)) == 1


def test_too_large_file_is_refused_before_it_is_read(app: Flask, visitor: Visitor) -> None:
    """A declared length is enough."""

    class Unread(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("it was read")

    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(10**15)}
    answer = send(app, visitor, b"", environ_overrides=environ)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "file_too_large")


def test_person_may_keep_so_many_files_and_bytes(api_settings: ApiSettings, visitor: Visitor, tmp_path: Path) -> None:
    """Beyond it 429 that says why; what is deleted makes room; others are not concerned."""
    limits = {"upload_person_files": 3, "upload_person_bytes": 100, "job_files_url": f"file://{tmp_path / 'files'}"}
    with running_api(api_settings, **limits) as app:
        assert send(app, visitor, b"x" * 60).status_code == 201
        full = send(app, visitor, b"x" * 41)
        assert (full.status_code, full.get_json()["code"]) == (429, "too_many_files")
        assert "100 bytes" in full.get_json()["detail"]
        assert int(full.headers["Retry-After"]) > 0
        unknown = send(app, visitor, b"", **_chunked(b"x" * 41))
        assert (unknown.status_code, "100 bytes" in unknown.get_json()["detail"]) == (429, True)
        paths = [send(app, visitor, b"x" * 20).get_json()["links"]["self"] for _ in range(2)]
        many = send(app, visitor, b"")
        assert (many.status_code, "3 files" in many.get_json()["detail"]) == (429, True)
        assert send(app, new_visitor(), b"x").status_code == 201
        assert ask(app, paths[0], method="DELETE", cookie=visitor.cookie).status_code == 204
        assert send(app, visitor, b"x" * 20).status_code == 201


NAMES = {
    "path": ("?name=../../etc/passwd", "passwd"),
    "backslashes": ("?name=C:%5Cx.txt", "x.txt"),
    "unicode": ("?name=%C3%A4%E2%98%83.txt", "ä☃.txt"),
    "none": ("", "upload"),
}


@pytest.mark.parametrize(("query", "name"), NAMES.values(), ids=NAMES.keys())
def test_name_is_a_label_and_no_path(app: Flask, visitor: Visitor, tmp_path: Path, query: str, name: str) -> None:
    """Only its last part counts, and it never is part of where the file lies."""
    record = send(app, visitor, b"x", query=query).get_json()
    assert record["name"] == name
    assert [path.name for path in stored(tmp_path)] == ["content"]
    assert ask(app, record["links"]["content"], cookie=visitor.cookie).status_code == 200


@pytest.mark.parametrize("name", ["", ".", "..", "a/", "a%0Ab", "a%00", "%E2%80%A8", "x" * 256, "x" * 2000])
def test_odd_name_is_refused(app: Flask, visitor: Visitor, admin: redis.Redis, name: str) -> None:
    """400 that says what is accepted; nothing is stored."""
    before = keys_of(admin)
    answer = send(app, visitor, b"x", query=f"?name={name}")
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
    "a file and a field": HEAD + b'x\r\n--b\r\nContent-Disposition: form-data; name="more"\r\n\r\ny\r\n--b--\r\n',
    "no disposition": b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n",
    "head that is not UTF-8": b'--b\r\nContent-Disposition: form-data; name="\xff"; filename="x"\r\n\r\nx\r\n--b--\r\n',
    "long preamble": b"x" * 150_000,
    "name with a control character": HEAD.replace(b'"x"', b'"x\x01"') + b"x\r\n--b--\r\n",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_broken_form_is_400_and_leaves_nothing(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path, body: bytes
) -> None:
    """A problem that says what is accepted."""
    before = keys_of(admin)
    answer = send(app, visitor, body, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), answer.data
    assert keys_of(admin) == before
    assert stored(tmp_path) == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", 'multipart/form-data; boundary=""'])
def test_form_without_a_boundary_is_400(app: Flask, visitor: Visitor, content_type: str) -> None:
    """It can't be read."""
    assert send(app, visitor, HEAD, content_type=content_type).status_code == 400


@pytest.mark.parametrize("terminated", [True, False])
def test_upload_that_breaks_off_leaves_nothing(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path, terminated: bool
) -> None:
    """Fewer bytes than declared are no file, under a server that says so and under one that just ends."""
    before = keys_of(admin)
    environ = {"wsgi.input": BytesIO(b"x" * 100_000), "CONTENT_LENGTH": "100001"}
    if terminated:
        environ["wsgi.input_terminated"] = True
    answer = send(app, visitor, b"", environ_overrides=environ)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert keys_of(admin) == before
    assert stored(tmp_path) == []


@pytest.mark.parametrize("query", ["?nam=x", "?name=a&name=b", "?owner=1"])
def test_unknown_parameter_of_an_upload_is_named(app: Flask, visitor: Visitor, query: str) -> None:
    """400 before anything is read."""
    assert send(app, visitor, b"x", query=query).get_json()["code"] == "invalid_query"


@pytest.mark.parametrize("path", ["?limit=0", "?cursor=x", "/not-a-uuid", f"/{ABSENT}", f"/{ABSENT}/content", "/../x"])
def test_odd_address_is_a_client_error(app: Flask, visitor: Visitor, path: str) -> None:
    """Never a 5xx."""
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        assert 400 <= ask(app, f"/api/files{path}", method=method, cookie=visitor.cookie).status_code < 500


def test_upload_from_another_site_is_refused(app: Flask, visitor: Visitor) -> None:
    """A form on a foreign page sends the cookie along: that is not enough."""
    parts = {"file": (BytesIO(b"x"), "x")}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = ask(app, "/api/files", method="POST", cookie=visitor.cookie, data=parts, headers=headers)
    assert answer.status_code == 403


def test_api_writes_only_its_own_entries(app: Flask, visitor: Visitor, admin: redis.Redis) -> None:
    """The suite runs under the API's own ACL; nothing was refused."""
    admin.acl_log_reset()
    record = send(app, visitor, b"x").get_json()
    assert ask(app, record["links"]["self"], method="DELETE", cookie=visitor.cookie).status_code == 204
    assert admin.acl_log() == []
