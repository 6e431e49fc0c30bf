"""GET /jobs/{id}/rows sorted and searched, and GET /jobs/{id}/table: the whole of it as a file."""

import csv
import gc
import io
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.http import row_files
from flask_api.http.state import api_state
from flask_api.jobs.tasks.task import task
from flask_api.tasks.tables.database import TableDatabase, TableTooLargeError, literal
from flask_api.tasks.tables.kept.choice import RowChoice
from flask_api.tasks.tables.kept.listed import write_list
from flask_api.tasks.tables.kept.page import read_page
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

TASKS = ("tests.integration.tables.row_tasks", "tests.integration.tables.test_tables_chosen")
ODD = """SELECT * FROM (VALUES
    (9007199254740993::BIGINT, 0.1::DOUBLE, 'b', '=1+1', TIMESTAMPTZ '2020-01-01 10:00:00+02', 1.50::DECIMAL(5, 2)),
    (-3, 'nan'::DOUBLE, 'A', '', NULL, NULL),
    (20, NULL, 'b', 'a "quote", and a comma', NULL, 2.25)) AS t(large, f, words, file_row_number, "at", exact)"""
LISTED = [
    {"id": 2**53 + 1, "name": "-x", "ratio": 0.1},
    {"id": 5, "name": 'a,"b"', "more": [1]},
    {"Name": None, "ratio": 2},
]


@task("chosen.listed")
def listed() -> dict[str, Any]:
    """Return a list within the result, and one of objects that have nothing in common."""
    return {
        "a/b": [LISTED],
        "wide": [{f"c{number}": 1} for number in range(1001)],
        "square": [[1, "a"], [2, None]],
        "none": [],
        "bare": [{}],
    }


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with tasks that keep rows and return lists."""
    files = f"file://{tmp_path / 'files'}"
    with running_api(api_settings, task_modules=TASKS, job_files_url=files) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def run(app: Flask, visitor: Visitor, task: str = "rows.keep", **arguments: Any) -> str:
    """Run a job to its end; return its address."""
    body = {"task": task, "arguments": arguments}
    answer = ask(app, "/api/jobs?wait=20", method="POST", cookie=visitor.cookie, json=body)
    return f"/api/jobs/{answer.get_json()['id']}"


def read(app: Flask, visitor: Visitor, path: str) -> TestResponse:
    """Ask for it, and read it to its end."""
    answer = ask(app, path, cookie=visitor.cookie)
    answer.get_data()
    answer.close()
    return answer


def shown(app: Flask, visitor: Visitor, path: str) -> list[Any]:
    """Return the first cell of each row of a page."""
    answer = read(app, visitor, path)
    assert answer.status_code == 200, answer.data
    return [row[0] for row in answer.get_json()["rows"]]


def test_rows_are_sorted_and_searched(app: Flask, visitor: Visitor) -> None:
    """Numbers by size, texts whatever their case, nothing last; pages of one order fit together."""
    job = run(app, visitor)
    assert shown(app, visitor, f"{job}/rows?sort=-1&size=3") == [249, 248, 247]
    page = read(app, visitor, f"{job}/rows?q=WORD%201&sort=-1&size=5").get_json()
    assert (page["total"], [row[0] for row in page["rows"]]) == (111, [199, 198, 197, 196, 195])
    following = read(app, visitor, page["links"]["next"]).get_json()
    assert [row[0] for row in following["rows"]] == [194, 193, 192, 191, 190]
    large = "SELECT i AS n, repeat(md5(i::VARCHAR), 7) AS t FROM range(500_000) each(i)"
    last = f"{run(app, visitor, sql=large)}/rows?sort=-1&size=2&page=250000"
    assert shown(app, visitor, last) == [1, 0], "a late page holds no whole rows before it"
    odd = run(app, visitor, sql=ODD)
    assert shown(app, visitor, f"{odd}/rows?sort=3") == [-3, 20, "9007199254740993"]
    assert shown(app, visitor, f"{odd}/rows?sort=-6") == [20, "9007199254740993", -3]
    assert shown(app, visitor, f"{odd}/rows?q=2020-01-01T08") == ["9007199254740993"]
    assert shown(app, visitor, f"{odd}/rows?q=%25") == []
    wrong = read(app, visitor, f"{job}/rows?sort=3").get_json()
    assert wrong["errors"] == [{"parameter": "sort", "detail": "must be 1 to 2, a column of this table"}]  # fmt: skip


def test_column_that_is_called_as_the_number_of_a_row(tmp_path: Path) -> None:
    """In whatever case, as DuckDB compares names: the page is as long as was asked for."""
    path = tmp_path / "rows.parquet"
    made = "SELECT i AS n, 7 AS FILE_ROW_NUMBER FROM range(50) each(i)"
    with TableDatabase(files=(path,), memory_mb=128, threads=1) as database:
        database.run(f"COPY ({made}) TO {literal(path)} (FORMAT parquet)")
    page = read_page(path, first=0, size=2, choice=RowChoice(by=2))
    assert page.rows == [[0, 7], [1, 7]]


def test_whole_table_is_a_file_of_each_format(app: Flask, visitor: Visitor, tmp_path: Path) -> None:
    """No digit is lost; nothing and an empty text differ; for a spreadsheet no text is a formula."""
    job = run(app, visitor, sql=ODD)
    answer = read(app, visitor, f"{job}/table")
    assert answer.headers["Content-Disposition"] == "attachment; filename=rows.keep.csv"
    assert answer.text == (
        "large,f,words,file_row_number,at,exact\n"
        "9007199254740993,0.1,b,=1+1,2020-01-01T08:00:00Z,1.50\n"
        '-3,nan,A,"",,\n20,,b,"a ""quote"", and a comma",,2.25\n'
    )
    sheet = read(app, visitor, f"{job}/table?format=spreadsheet").text
    assert sheet.startswith("\ufefflarge,")
    assert list(csv.reader(io.StringIO(sheet)))[1][3] == "'=1+1"
    lines = read(app, visitor, f"{job}/table?format=jsonl").text.splitlines()
    assert [json.loads(line)["large"] for line in lines] == ["9007199254740993", -3, 20]
    assert [json.loads(line)["f"] for line in lines] == [0.1, None, None]
    parquet = read(app, visitor, f"{job}/table?format=parquet").data
    assert _rows_of(parquet, tmp_path, "large")[0] == (2**53 + 1,)
    empty = run(app, visitor, sql="SELECT 1 AS a, 2 AS b WHERE false")
    assert read(app, visitor, f"{empty}/table").text == "a,b\n"


def test_list_within_a_result_is_a_table(app: Flask, visitor: Visitor, tmp_path: Path) -> None:
    """By its JSON pointer; columns are typed in Parquet where no cell loses anything."""
    job = run(app, visitor, "chosen.listed")
    here = f"{job}/table?part=/a~1b/0"
    assert read(app, visitor, here).text == (
        'id,name,ratio,more,Name\n9007199254740993,-x,0.1,,\n5,"a,""b""",,[1],\n,,2,,\n'
    )
    assert "\n9007199254740993,'-x,0.1," in read(app, visitor, f"{here}&format=spreadsheet").text
    lines = read(app, visitor, f"{here}&format=jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == LISTED
    rows = _rows_of(read(app, visitor, f"{here}&format=parquet").data, tmp_path)
    assert rows == [(2**53 + 1, "-x", 0.1, None, None), (5, 'a,"b"', None, "[1]", None), (None, None, 2.0, None, None)]  # fmt: skip
    assert read(app, visitor, f"{job}/table?part=/square").text == "1,2\n1,a\n2,\n"
    for form, none, bare in (("csv", b"value\n", b"value\n{}\n"), ("jsonl", b"", b"{}\n")):
        assert read(app, visitor, f"{job}/table?part=/none&format={form}").data == none
        assert read(app, visitor, f"{job}/table?part=/bare&format={form}").data == bare
    assert (
        _rows_of(read(app, visitor, f"{job}/table?part=/none&format=parquet").data, tmp_path) == []
    )
    for part in ("", "/a~1b/1", "/a~1b/00", "a~1b", "/nowhere"):
        assert read(app, visitor, f"{job}/table?part={part}").status_code == 404, part
    wide = read(app, visitor, f"{job}/table?part=/wide")
    assert wide.get_json()["errors"][0]["parameter"] == "format"
    assert read(app, visitor, f"{job}/table?part=/wide&format=jsonl").status_code == 200


def test_table_is_its_owners(app: Flask, visitor: Visitor) -> None:
    """As the rows: 404 for another person, 401 for nobody, staff may look."""
    path = f"{run(app, visitor)}/table?format=csv"
    assert read(app, new_visitor(), path).status_code == 404
    assert ask(app, path).status_code == 401
    assert read(app, new_visitor(is_staff=True), path).status_code == 200


def test_one_person_takes_one_place_for_what_takes_long(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others find the second; pages that are not sorted need none; nothing is left behind."""
    job, other = run(app, visitor), new_visitor()
    others = run(app, other)
    monkeypatch.setattr(row_files, "WAIT_S", 0.05)
    rows = api_state(app).rows
    with rows._turn(str(visitor.person.pk)):
        assert read(app, visitor, f"{job}/table").get_json()["code"] == "rows_busy"
        assert read(app, visitor, f"{job}/rows?sort=1").status_code == 503
        assert read(app, visitor, f"{job}/rows").status_code == 200
        assert read(app, other, f"{others}/table").status_code == 200
    assert read(app, visitor, f"{job}/table").status_code == 200


def test_person_who_asks_for_much_at_once_holds_no_threads(app: Flask, visitor: Visitor) -> None:
    """One request waits for a turn, the next is told so at once."""
    job, person = run(app, visitor), str(visitor.person.pk)
    rows = api_state(app).rows
    with ThreadPoolExecutor(1) as one, rows._turn(person):
        waits = one.submit(read, app, visitor, f"{job}/rows?sort=1")
        wait_until(lambda: rows._waiting == {person}, timeout_s=10)
        asked = [read(app, visitor, f"{job}/rows?sort=1").status_code for _ in range(5)]
        assert asked == [503] * 5
        assert not waits.done(), "they were answered before who waits"
    assert waits.result(10).status_code in (200, 503)
    assert not rows._waiting


def test_copies_that_nobody_reads_do_not_fill_the_disk(app: Flask, visitor: Visitor) -> None:
    """A person has some that are being sent; when one is closed there is room for the next."""
    job = run(app, visitor)
    held = [ask(app, f"{job}/table", cookie=visitor.cookie) for _ in range(row_files.SENT_PERSON)]
    assert [answer.status_code for answer in held] == [200] * row_files.SENT_PERSON
    assert read(app, visitor, f"{job}/table").get_json()["code"] == "rows_busy"
    other = new_visitor()
    assert read(app, other, f"{run(app, other)}/table").status_code == 200
    held.pop().close()
    assert read(app, visitor, f"{job}/table").status_code == 200
    held.pop().close()
    assert not api_state(app).rows._sent


def test_copy_that_can_not_be_given_counts_down_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was open already: the person's other copy still counts."""
    rows, clean = api_state(app).rows, tempfile.TemporaryDirectory.cleanup
    held = rows.write(LISTED, "csv", person="7")

    def fail(folder: "tempfile.TemporaryDirectory[str]") -> None:
        clean(folder)
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(tempfile.TemporaryDirectory, "cleanup", fail)
        with pytest.raises(OSError, match=r"^$"):
            rows.write(LISTED, "csv", person="7")
    gc.collect()
    assert rows._sent["7"] == 1
    held.close()
    assert not rows._sent


def test_copies_that_were_left_are_looked_for_now_and_then(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not at each download: the folder of temporary files may be long. What is new another process
    writes just now."""
    engine = api_state(app).engine
    fresh = tmp_path / "gatehouse-copy-new"
    fresh.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = row_files.RowReader(engine)

    def leave() -> Path:
        left = tmp_path / "gatehouse-copy-left"
        left.mkdir(exist_ok=True)
        os.utime(left, (0, 0))
        rows.write(LISTED, "csv", person="7").close()
        return left

    assert not leave().exists()
    assert leave().exists()
    monkeypatch.setattr(rows, "_look_at", 0.0)
    assert not leave().exists()
    assert fresh.exists()


def test_list_whose_table_would_be_much_larger_is_refused(tmp_path: Path) -> None:
    """A thousand columns, each of one row of many: a million cells of nothing."""
    items = [{f"c{number % 1000}": 1} for number in range(1001)]
    for form in ("csv", "parquet"):
        with pytest.raises(TableTooLargeError):
            write_list(items, tmp_path / "t", form)
    write_list(items, tmp_path / "t", "jsonl")


class Counted(dict[str, Any]):
    """An item that counts how often a member of it is looked at."""

    looks = 0

    def get(self, name: str, default: Any = None) -> Any:
        """Return the member, and count it."""
        Counted.looks += 1
        return super().get(name, default)


def test_many_columns_cost_no_more_than_their_cells(tmp_path: Path) -> None:
    """A list of 20 kB with 300 columns is looked at once for each cell, not for each two."""
    items = [Counted({f"c{number % 300}": number}) for number in range(900)]
    write_list(items, tmp_path / "t.parquet", "parquet")
    assert 0 < Counted.looks <= 300 * 900


def _rows_of(content: bytes, folder: Path, columns: str = "*") -> list[Any]:
    path = folder / "read.parquet"
    path.write_bytes(content)
    with TableDatabase(files=(path,), memory_mb=128, threads=1) as database:
        return database.run(f"SELECT {columns} FROM read_parquet({literal(path)})")
