"""The bookshop's own tests, with the kit that Gatehouse gives:
a real Valkey, the real gate, the real job engine."""
# ruff: noqa: S101  # assert is how pytest is told

from collections.abc import Iterator
from pathlib import Path

import pytest
from bookshop import create_app
from bookshop_tasks import check_isbns, import_stock

from flask_api.jobs import TaskError
from flask_api.testing import (
    InlineReporter,
    logged_in,
    private_settings,
    run_inline,
    running_api,
    with_key,
)
from shared.settings import ApiSettings

STOCK = "9780306406157,2\nno book at all\n978-0-306-40615-7,1\n"


@pytest.fixture(scope="module")
def settings() -> Iterator[ApiSettings]:
    """Settings that lead to a Valkey of these tests alone."""
    with private_settings(task_modules=("bookshop_tasks",)) as settings:
        yield settings


def test_nobody_reads_orders(settings: ApiSettings) -> None:
    """The welcome is for everyone, the rest is not."""
    client = create_app(settings).test_client()
    assert client.get("/").status_code == 200
    assert client.get("/me").status_code == client.get("/orders").status_code == 401


def test_orders_need_a_permission(settings: ApiSettings) -> None:
    """Being logged in is not enough."""
    app = create_app(settings)
    with logged_in(app, "ada") as client:
        assert client.get("/me").get_json() == {"username": "ada"}
        assert client.get("/orders").status_code == 403
    with logged_in(app, "ada", permissions=["bookshop.view_order"]) as client:
        assert client.get("/orders").status_code == 200


def test_isbns_are_checked() -> None:
    """A wrong digit shows; hyphens don't matter."""
    isbns = ["9780306406157", "978-0-306-40615-7", "9780306406158", ""]
    assert list(run_inline(check_isbns, {"isbns": isbns}).values()) == [True, True, False, False]


def test_stock_is_counted_and_the_rest_comes_back(tmp_path: Path) -> None:
    """In this thread, without a server: a path stands for an uploaded file."""
    path, left = tmp_path / "stock.csv", InlineReporter()
    path.write_text(STOCK)
    stock = run_inline(import_stock, {"file": path}, reporter=left)
    assert stock == {"titles": 2, "copies": 3, "rejected": 1}
    assert left.files == {"rejected.csv": b"no book at all"}
    path.write_text("nothing\n")
    with pytest.raises(TaskError):
        run_inline(import_stock, {"file": path})


def test_stock_is_imported_by_a_job(settings: ApiSettings) -> None:
    """As a script does it: upload, submit, wait."""
    with running_api(settings) as api, with_key(api, "ada") as client:
        file = client.post("/files?name=stock.csv", data=STOCK).get_json()
        arguments = {"file": file["id"]}
        job = client.post(
            "/jobs?wait=20", json={"task": "bookshop.import_stock", "arguments": arguments}
        ).get_json()
        assert job["result"] == {"titles": 2, "copies": 3, "rejected": 1}
        assert client.get(f"/jobs/{job['id']}/files/rejected.csv").text == "no book at all"
