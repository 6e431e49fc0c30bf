"""Files in, over the API: upload by form and by body, look, list, get back, delete,
and whose they are."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask

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

ABSENT = "00000000-0000-7000-8000-000000000000"
STRANGERS = ["", "/content"]


def get(app: Flask, visitor: Visitor, path: str) -> Any:
    """Get JSON."""
    answer = ask(app, path, cookie=visitor.cookie)
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def test_body_becomes_a_file_and_comes_back_as_it_was(app: Flask, visitor: Visitor) -> None:
    """201 with Location and the documented record;
    the content is a download and byte for byte the same."""
    body = "straße,1\n".encode() * 1000
    answer = upload(app, visitor, body, query="?name=a%20table.csv")
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
    record = upload_form(app, visitor, file=(BytesIO(body), "logs/access.log")).get_json()
    assert (record["name"], record["size"]) == ("access.log", len(body))
    assert ask(app, record["links"]["content"], cookie=visitor.cookie).data == body
    named = upload_form(
        app, visitor, query="?name=other.log", anything=(BytesIO(b""), "x.log")
    ).get_json()
    assert (named["name"], named["size"]) == ("other.log", 0)


CONTENTS: dict[str, tuple[bytes, str]] = {
    "image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50), "image/png"),
    "page": (b"<!doctype html><html><script>alert(1)</script></html>", "text/html"),
    "text that begins like a bitmap": (b"BMW is a word, too\n" * 10, "text/plain"),
    "binary": (bytes(range(256)) * 4, "application/octet-stream"),
    "text with one NUL": (b"text" * 10_000 + b"\0" + b"text", "application/octet-stream"),
    "text that ends within a character": ("text ß".encode()[:-1], "application/octet-stream"),
    "binary that begins like JSON": (b"{\x80\xcd", "application/octet-stream"),
    "text in UTF-16": ("grün".encode("utf-16"), "application/octet-stream"),
    "archive": (b"PK\x03\x04" + bytes(40), "application/zip"),
    "nothing": (b"", "text/plain"),
}


@pytest.mark.parametrize(("content", "media_type"), CONTENTS.values(), ids=CONTENTS.keys())
def test_media_type_is_by_content_whatever_the_client_says(
    app: Flask, visitor: Visitor, content: bytes, media_type: str
) -> None:
    """Neither the header nor the name is believed."""
    answer = upload(app, visitor, content, query="?name=x.gif", content_type="image/svg+xml")
    assert answer.get_json()["media_type"] == media_type


@pytest.mark.parametrize("tail", STRANGERS)
def test_file_of_another_person_does_not_exist(app: Flask, visitor: Visitor, tail: str) -> None:
    """404 with the very answer of an id that nobody has, by every verb;
    staff sees it, as with jobs."""
    path = upload(app, visitor, b"mine").get_json()["links"]["self"]
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
    ids = [upload(app, visitor, b"x").get_json()["id"] for _ in range(3)]
    first = get(app, visitor, "/api/files?limit=2")
    second = get(app, visitor, first["links"]["next"])
    assert [file["id"] for file in first["files"] + second["files"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_deleted_file_is_gone(
    app: Flask, visitor: Visitor, admin: redis.Redis, tmp_path: Path
) -> None:
    """204, then 404; nothing of it stays, in Redis or in the storage."""
    before = keys_of(admin)
    path = upload(app, visitor, b"x").get_json()["links"]["self"]
    assert len(stored_files(tmp_path)) == 1
    assert ask(app, path, method="DELETE", cookie=visitor.cookie).status_code == 204
    assert [
        ask(app, path, method=method, cookie=visitor.cookie).status_code
        for method in ("GET", "DELETE")
    ] == [404, 404]
    assert stored_files(tmp_path) == []
    assert keys_of(admin) == before


NAMES = {
    "path": ("?name=../../etc/passwd", "passwd"),
    "backslashes": ("?name=C:%5Cx.txt", "x.txt"),
    "unicode": ("?name=%C3%A4%E2%98%83.txt", "ä☃.txt"),
    "none": ("", "upload"),
}


@pytest.mark.parametrize(("query", "name"), NAMES.values(), ids=NAMES.keys())
def test_name_is_a_label_and_no_path(
    app: Flask, visitor: Visitor, tmp_path: Path, query: str, name: str
) -> None:
    """Only its last part counts, and it never is part of where the file lies."""
    record = upload(app, visitor, b"x", query=query).get_json()
    assert record["name"] == name
    assert [path.name for path in stored_files(tmp_path)] == ["content"]
    assert ask(app, record["links"]["content"], cookie=visitor.cookie).status_code == 200


@pytest.mark.parametrize(
    "path", ["?limit=0", "?cursor=x", "/not-a-uuid", f"/{ABSENT}", f"/{ABSENT}/content", "/../x"]
)
def test_odd_address_is_a_client_error(app: Flask, visitor: Visitor, path: str) -> None:
    """Never a 5xx."""
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        assert (
            400
            <= ask(app, f"/api/files{path}", method=method, cookie=visitor.cookie).status_code
            < 500
        )


def test_api_writes_only_its_own_entries(app: Flask, visitor: Visitor, admin: redis.Redis) -> None:
    """The suite runs under the API's own ACL; nothing was refused."""
    admin.acl_log_reset()
    record = upload(app, visitor, b"x").get_json()
    assert (
        ask(app, record["links"]["self"], method="DELETE", cookie=visitor.cookie).status_code == 204
    )
    assert admin.acl_log() == []
