"""GET /jobs/{id}/rows: pages of what a job keeps, for its owner and staff, bounded in every way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.http import row_files
from flask_api.http.state import api_state
from flask_api.jobs.records.job import Job
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.folders import stored_file
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

TASKS = ("tests.integration.tables.row_tasks", "flask_api.tasks.tables.parse")


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with tasks that keep rows."""
    with running_api(
        api_settings,
        task_modules=TASKS,
        job_files_url=f"file://{tmp_path / 'files'}",
        job_processes=1,
    ) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def run(
    app: Flask, visitor: Visitor, task: str = "rows.keep", arguments: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Run a job to its end; return its record."""
    body = {"task": task, "arguments": arguments or {}}
    answer = ask(app, "/api/jobs?wait=20", method="POST", cookie=visitor.cookie, json=body)
    job: dict[str, Any] = answer.get_json()
    assert answer.status_code == 202, job
    return job


def rows_of(
    app: Flask, visitor: Visitor, job: dict[str, Any], query: str = "", **headers: str
) -> TestResponse:
    """Ask for rows."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(app, f"/api/jobs/{job['id']}/rows{query}", cookie=visitor.cookie, headers=sent)


def test_uploaded_table_is_parsed_and_read_in_pages(app: Flask, visitor: Visitor) -> None:
    """From the upload to the last page, as its owner does it; the links lead from page to page."""
    content = "id;town\n" + "".join(f"{number};Köln {number}\n" for number in range(1, 251))
    upload = ask(
        app, "/api/files?name=towns.csv", method="POST", cookie=visitor.cookie, data=content.encode("cp1252"),
        headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert upload.status_code == 201, upload.data
    job = run(app, visitor, "tables.parse", {"file": upload.get_json()["id"]})
    assert job["status"] == "succeeded", job["error"]
    assert (job["result"]["rows"], job["result"]["layout"]["encoding"]) == (250, "cp1252")
    path: str | None = f"/api/jobs/{job['id']}/rows"
    pages = []
    while path:
        pages.append(ask(app, path, cookie=visitor.cookie).get_json())
        path = pages[-1]["links"]["next"]
    assert [page["page"] for page in pages] == [1, 2, 3]
    assert pages[0]["columns"] == [
        {"name": "id", "kind": "integer"},
        {"name": "town", "kind": "text"},
    ]
    assert [row for page in pages for row in page["rows"]] == [
        [number, f"Köln {number}"] for number in range(1, 251)
    ]
    assert all((page["total"], page["pages"], page["size"]) == (250, 3, 100) for page in pages)
    assert (pages[0]["links"]["prev"], pages[1]["links"]["prev"][-15:]) == (None, "page=1&size=100")


def test_page_after_the_last_is_empty(app: Flask, visitor: Visitor) -> None:
    """And leads back to the last."""
    page = rows_of(app, visitor, run(app, visitor), "?page=99&size=50").get_json()
    assert (page["rows"], page["pages"], page["links"]["next"]) == ([], 5, None)
    assert "page=5&" in page["links"]["prev"]


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page=1&page=2", "size=0", "size=1001", "page=1e9", "pages=1"],
)
def test_wrong_parameter_is_named(app: Flask, visitor: Visitor, query: str) -> None:
    """400, with what is accepted."""
    answer = rows_of(app, visitor, run(app, visitor), f"?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_query")
    assert answer.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_every_kind_of_value_is_json(app: Flask, visitor: Visitor) -> None:
    """What JSON has no word for is text or null; a long text is cut."""
    sql = """SELECT 9007199254740993::BIGINT AS large, 'nan'::DOUBLE AS nan, '-inf'::FLOAT AS inf, DATE '2020-02-29' AS day,
        TIMESTAMP '2020-01-01 10:00:00.5' AS at, TIMESTAMPTZ '2020-01-01 10:00:00+02' AS zoned, TIME '10:00:00' AS hour,
        true AS flag, NULL::INTEGER AS none, repeat('x', 5000) AS long, [1, 2] AS list, 1.50::DECIMAL(5, 2) AS exact,
        chr(0) || 'ü"' AS odd"""
    page = rows_of(app, visitor, run(app, visitor, arguments={"sql": sql})).get_json()
    assert page["rows"] == [
        ["9007199254740993", None, None, "2020-02-29", "2020-01-01T10:00:00.5", "2020-01-01T08:00:00Z", "10:00:00",
         True, None, "x" * 999 + "…", "[1, 2]", "1.50", '\x00ü"']
    ]  # fmt: skip
    assert [column["kind"] for column in page["columns"]] == [
        "integer", "number", "number", "date", "timestamp", "timestamp", "time", "boolean", "integer", *["text"] * 4
    ]  # fmt: skip


def test_names_that_are_sql_are_only_names(app: Flask, visitor: Visitor) -> None:
    """The rows of a file whose columns are called like attacks."""
    sql = """SELECT 1 AS "a"", (SELECT 2)", 3 AS "file_row_number", 4 AS "x'; DROP TABLE y; --" """
    page = rows_of(app, visitor, run(app, visitor, arguments={"sql": sql})).get_json()
    assert [column["name"] for column in page["columns"]] == [
        'a", (SELECT 2)',
        "file_row_number",
        "x'; DROP TABLE y; --",
    ]
    assert page["rows"] == [[1, 3, 4]]


def test_wide_table_gives_fewer_rows_at_once(app: Flask, visitor: Visitor) -> None:
    """The refusal says how many; that many are given."""
    sql = (
        "SELECT "
        + ", ".join(f"{number} AS c{number}" for number in range(2000))
        + " FROM range(200)"
    )
    job = run(app, visitor, arguments={"sql": sql})
    refused = rows_of(app, visitor, job)
    assert refused.status_code == 400
    assert refused.get_json()["errors"] == [
        {"parameter": "size", "detail": "must be 1 to 50 rows of this table at once"}
    ]
    assert len(rows_of(app, visitor, job, "?size=50").get_json()["rows"]) == 50


def test_answer_of_fat_rows_is_bounded(app: Flask, visitor: Visitor) -> None:
    """A thousand rows of ten long texts: cells are cut so that the whole stays under four megabytes
    of letters."""
    columns = ", ".join(f"repeat('é', 2000) AS c{number}" for number in range(10))
    answer = rows_of(
        app,
        visitor,
        run(app, visitor, arguments={"sql": f"SELECT {columns} FROM range(1000)"}),
        "?size=1000",
    )
    assert len(answer.get_json()["rows"][0][0]) == 400
    assert sum(len(text) for row in answer.get_json()["rows"] for text in row) == 4_000_000


def test_other_people_and_nobody_see_no_rows(app: Flask, visitor: Visitor) -> None:
    """404 for another person, 401 for nobody, staff may look."""
    job = run(app, visitor)
    assert rows_of(app, new_visitor(), job).status_code == 404
    assert ask(app, f"/api/jobs/{job['id']}/rows").status_code == 401
    assert rows_of(app, new_visitor(is_staff=True), job).status_code == 200


def test_job_without_rows_says_why(app: Flask, visitor: Visitor) -> None:
    """404 keeps none or is none, 409 not ended, failed or cancelled, 410 expired."""
    assert rows_of(app, visitor, run(app, visitor, "rows.none")).status_code == 404
    assert rows_of(app, visitor, {"id": "00000000-0000-7000-8000-000000000000"}).status_code == 404
    failed = rows_of(app, visitor, run(app, visitor, "rows.fail"))
    assert (failed.status_code, failed.get_json()["code"]) == (409, "job_failed")
    body = {"task": "rows.keep", "delay_s": 3600}
    waiting = ask(app, "/api/jobs", method="POST", cookie=visitor.cookie, json=body).get_json()
    answer = rows_of(app, visitor, waiting)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "job_unfinished")
    expired = run(app, visitor, "rows.brief")
    wait_until(lambda: rows_of(app, visitor, expired).status_code == 410, timeout_s=5)


def test_known_page_is_not_sent_again(app: Flask, visitor: Visitor) -> None:
    """304 to who has its tag, without a look at the rows;
    another page has another tag, and no tag opens a door."""
    job = run(app, visitor)
    tag = rows_of(app, visitor, job).headers["ETag"]
    again = rows_of(app, visitor, job, If_None_Match=tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert rows_of(app, visitor, job, "?page=2", If_None_Match=tag).status_code == 200
    assert rows_of(app, new_visitor(), job, If_None_Match=tag).status_code == 404


def test_whoever_has_any_copy_is_told_what_is_wrong(
    app: Flask, visitor: Visitor, tmp_path: Path
) -> None:
    """If-None-Match: * is judged last (RFC 9110, 13.2.1): what would be no page is no 304."""
    job = run(app, visitor)
    assert rows_of(app, visitor, job, If_None_Match="*").status_code == 304
    assert rows_of(app, visitor, job, "?sort=99", If_None_Match="*").status_code == 400
    path, anything = f"/api/jobs/{job['id']}/table", {"If-None-Match": "*"}
    assert ask(app, path, cookie=visitor.cookie, headers=anything).status_code == 304
    stored_file(tmp_path / "files" / job["id"], "rows.parquet").unlink()
    for gone in (f"/api/jobs/{job['id']}/rows?page=2", f"{path}?format=jsonl"):
        assert ask(app, gone, cookie=visitor.cookie, headers=anything).status_code == 404


def test_file_that_is_gone_is_404(app: Flask, visitor: Visitor, tmp_path: Path) -> None:
    """Somebody cleaned the storage: no 500."""
    job = run(app, visitor)
    stored_file(tmp_path / "files" / job["id"], "rows.parquet").unlink()
    assert rows_of(app, visitor, job).status_code == 404


def test_many_readers_at_once_all_get_their_page(app: Flask, visitor: Visitor) -> None:
    """More than there are places: they take turns."""
    job = run(app, visitor)
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda page: rows_of(app, visitor, job, f"?page={page}&size=10"), range(1, 25))
        )
    assert [answer.status_code for answer in answers] == [200] * 24
    assert [answer.get_json()["rows"][0][0] for answer in answers] == list(range(0, 240, 10))


def test_reader_that_would_wait_too_long_is_told_when_to_come_back(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, and the places are free again afterwards."""
    job = run(app, visitor)
    monkeypatch.setattr(row_files, "WAIT_S", 0.05)
    rows = api_state(app).rows
    with rows._places, rows._places, rows._places, rows._places:
        busy = rows_of(app, visitor, job)
    assert (busy.status_code, busy.get_json()["code"], busy.headers["Retry-After"]) == (
        503,
        "rows_busy",
        "2",
    )
    assert rows_of(app, visitor, job).status_code == 200


def test_slow_fetch_holds_up_only_who_reads_the_same_rows(
    api_settings: ApiSettings, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of other jobs come meanwhile; who wants the same ones is told when to come back."""
    with running_api(api_settings, task_modules=TASKS[:1], job_files_url="memory://slow") as app:
        slow, other = run(app, visitor), run(app, visitor)
        engine, asked, free = api_state(app).engine, threading.Event(), threading.Event()
        open_file = engine.open_file

        def wait_for_one(job: Job, name: str) -> BinaryIO:
            if job.id == slow["id"]:
                asked.set()
                assert free.wait(30)
            return open_file(job, name)

        monkeypatch.setattr(engine, "open_file", wait_for_one)
        with ThreadPoolExecutor(2) as pool:
            try:
                first = pool.submit(rows_of, app, visitor, slow)
                assert asked.wait(10)
                assert pool.submit(rows_of, app, visitor, other).result(10).status_code == 200
                monkeypatch.setattr(row_files, "WAIT_S", 0.05)
                again = pool.submit(rows_of, app, visitor, slow).result(10)
                assert again.get_json()["code"] == "rows_busy"
            finally:
                free.set()
            assert first.result(10).status_code == 200
        assert not api_state(app).rows._fetching


def test_rows_that_are_stored_elsewhere_are_fetched_once(
    api_settings: ApiSettings, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that is no local folder: one copy for each job, the oldest go,
    those in use stay."""
    monkeypatch.setattr(row_files, "COPIES", 2)
    with running_api(api_settings, task_modules=TASKS[:1], job_files_url="memory://rows") as app:
        jobs = [run(app, visitor) for _ in range(4)]
        rows = api_state(app).rows
        for job in [*jobs, *jobs]:
            assert rows_of(app, visitor, job, "?page=3").get_json()["rows"][-1] == [249, "word 249"]
        assert list(rows._copies) == [job["id"] for job in jobs[2:]]
        assert len(list(rows._folder.iterdir())) == 2  # type: ignore[union-attr]  # made by now
        fsspec.filesystem("memory").rm("/rows", recursive=True)
        assert rows_of(app, visitor, jobs[3]).status_code == 200, "its copy is here"
        assert rows_of(app, visitor, jobs[0]).status_code == 404
