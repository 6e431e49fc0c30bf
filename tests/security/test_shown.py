"""What is sent back to who asked: the address as they sent it,
and names of files that say what they seem to say."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from flask_api.gate.extension import Gatehouse
from flask_api.gate.requirements import login_required
from flask_api.gate.sent_target import sent_target
from flask_api.gate.state import gate_state
from flask_api.jobs.files.shown_name import shown_name
from flask_api.jobs.files.storage import FileStore
from shared.settings import ApiSettings
from tests.folders import stored_file

TARGETS = [
    "/files/a%3Fb.txt",
    "/files/a%23b",
    "/files/a%2525",
    "/files/a?",
    "/files/%C3%A9%2F?q=%3F&r=a+b",
    "/files/?x=1?",
    "/a;b=c/d,e",
]


@pytest.fixture
def foreign(api_settings: ApiSettings) -> Iterator[Flask]:
    """Somebody else's application with the gate, and pages of errors of its own."""
    app = Flask("foreign")
    gate = Gatehouse(settings=api_settings)
    gate.init_app(app)

    @app.get("/<path:rest>")
    @login_required
    def anything(rest: str) -> str:
        return rest

    @app.get("/absent")
    def absent() -> str:
        abort(404)

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    yield app
    gate_state(app).store.close()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
def test_next_is_the_target_as_it_was_sent(foreign: Flask, target: str, name: str) -> None:
    """Byte for byte, by what CherryPy and what gunicorn call it."""
    other = {"REQUEST_URI": "RAW_URI", "RAW_URI": "REQUEST_URI"}[name]
    overrides = {name: target, other: ""}
    answer = foreign.test_client().get(
        target, headers={"Accept": "text/html"}, environ_overrides=overrides
    )
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == [target]


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        (
            {
                "SCRIPT_NAME": "/api",
                "PATH_INFO": "/a?b",
                "QUERY_STRING": "x=%3F",
                "RAW_URI": "/a%3Fb?x=%3F",
            },
            "/api/a%3Fb?x=%3F",
        ),
        ({"PATH_INFO": "//evil.example/x", "RAW_URI": "//evil.example/x"}, "/evil.example/x"),
        ({"PATH_INFO": "/\\evil.example", "RAW_URI": "/\\evil.example"}, "/evil.example"),
        ({"PATH_INFO": "/x", "RAW_URI": "http://evil.example/x"}, "/x"),
        ({"PATH_INFO": "/a#b", "RAW_URI": "/a#b"}, "/a%23b"),
        (
            {"PATH_INFO": "/a\r\nb", "QUERY_STRING": "c\r\nd", "RAW_URI": "/a\r\nb"},
            "/a%0D%0Ab?c%0D%0Ad",
        ),
        ({"PATH_INFO": ""}, "/"),
    ],
)
def test_target_that_leads_elsewhere_is_made_from_what_was_routed(
    environ: dict[str, str], target: str
) -> None:
    """A stripped prefix comes back; another host, a fragment and a line break never do."""
    assert sent_target(environ) == target


def test_errors_of_a_foreign_application_stay_its_own(foreign: Flask) -> None:
    """Its pages and its debugging are as before; Gatehouse's own errors are problems."""
    client = foreign.test_client()
    assert (client.get("/absent").status_code, client.get("/absent").mimetype) == (404, "text/html")
    assert client.get("/broken").mimetype == "text/html"
    foreign.testing = True
    with pytest.raises(ZeroDivisionError):
        client.get("/broken")
    refused = client.get("/page")
    assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200f", "\u061c", "\x1b", "\x85", "\u2028", "\ud800"]
)
def test_name_shows_where_it_held_what_is_not_seen(character: str) -> None:
    """What turns the text around becomes a mark;
    letters of any script, and what joins them, stay."""
    assert shown_name(f"report{character}fdp.exe") == "report\ufffdfdp.exe"
    # Persian, and a picture of two
    joined = "\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f52c.csv"
    assert shown_name(joined) == joined


def test_uploaded_name_is_shown_without_what_turns_it_around(ada: FlaskClient) -> None:
    """In the record, the listing and the header of the download."""
    record = ada.post("/files", query_string={"name": "report\u202efdp.exe"}, data=b"x").get_json()
    assert record["name"] == "report\ufffdfdp.exe"
    assert ada.get("/files").get_json()["files"][0]["name"] == record["name"]
    disposition = ada.get(f"/files/{record['id']}/content").headers["Content-Disposition"]
    assert "%E2%80%AE" not in disposition
    assert "%EF%BF%BD" in disposition


@pytest.fixture
def lax_umask() -> Iterator[Callable[[Path], str]]:
    """A function that returns a path's mode, while new files are everybody's unless somebody
    cares."""
    before = os.umask(0)
    yield lambda path: oct(stat.S_IMODE(path.stat().st_mode))
    os.umask(before)


def test_files_of_jobs_are_for_the_service_alone(
    tmp_path: Path, api_settings: ApiSettings, lax_umask: Callable[[Path], str]
) -> None:
    """Wherever the folder is, and whatever the umask."""
    root = tmp_path / "files"
    store = FileStore(api_settings.model_copy(update={"job_files_url": f"file://{root}"}))
    store.save("job", "result.txt", b"x", kept={})
    store.create("uploads/one", "content").close()
    for folder in (root, root / "job", root / "uploads", root / "uploads/one"):
        assert lax_umask(folder) == "0o700"
    for file in (stored_file(root / "job", "result.txt"), root / "uploads/one/content"):
        assert lax_umask(file) == "0o600"
