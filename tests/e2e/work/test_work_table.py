"""A table pasted or uploaded becomes a batch, once each row is right; no script is needed."""

import re
from collections.abc import Iterator

import pytest

from tests.e2e.service import PATIENT, Browser, ServiceProcess, address_of

PAGE = "/tasks/primes.sum/many/"
_KEY = re.compile(r'name="key" value="([^"]+)"')
_CHECKED = re.compile(r'name="checked" value="([^"]+)"')


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for this file."""
    with ServiceProcess(tmp_path_factory.mktemp("table")) as service:
        yield service


@pytest.fixture
def ada(service: ServiceProcess) -> Browser:
    """A person who is logged in."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


def test_table_is_checked_then_started_once(ada: Browser) -> None:
    """Checking starts nothing; the button pressed twice is one batch, also of a table that was
    corrected after it was sent."""
    checked = ada.send_form(PAGE, {"do": "check", "table": "limit\n10\n\n100\n"})
    assert checked.status_code == 200
    assert "2 rows are right." in checked.text
    assert "Start 2 jobs" in checked.text
    assert ada.http.get("/api/batches").json()["batches"] == []
    found = _KEY.search(checked.text)
    assert found
    sent = {"do": "start", "table": "limit\n10\n\n100\n", "key": found[1]}
    places = {ada.send_form(PAGE, sent).headers["Location"] for _ in range(2)}
    assert len(places) == 1
    batches = ada.http.get("/api/batches").json()["batches"]
    assert [(batch["task"], batch["total"]) for batch in batches] == [("primes.sum", 2)]
    corrected = {**sent, "table": "limit\n10\n\n1000\n"}
    others = {ada.send_form(PAGE, corrected).headers["Location"] for _ in range(3)}
    assert len(others) == 1
    assert others.isdisjoint(places)
    assert len(ada.http.get("/api/batches").json()["batches"]) == 2


def test_another_table_than_was_checked_is_checked_first(ada: Browser) -> None:
    """The button says how many jobs it starts; line breaks are a browser's own."""
    before = len(ada.http.get("/api/batches").json()["batches"])
    found = _CHECKED.search(ada.send_form(PAGE, {"do": "check", "table": "limit\n1\n2\n"}).text)
    assert found
    sent = {"do": "start", "table": "limit\n1\n2\n3\n", "checked": found[1]}
    changed = ada.send_form(PAGE, sent)
    assert changed.status_code == 200
    assert "The table has changed since it was checked." in changed.text
    assert "Start 3 jobs" in changed.text
    assert len(ada.http.get("/api/batches").json()["batches"]) == before
    found = _CHECKED.search(changed.text)
    assert found
    same = {**sent, "table": "limit\r\n1\r\n2\r\n3\r\n", "checked": found[1]}
    assert ada.send_form(PAGE, same).status_code == 302
    assert ada.http.get("/api/batches").json()["batches"][0]["total"] == 3


def test_what_is_wrong_stands_at_its_row(ada: Browser) -> None:
    """In the API's words, and the table is still there to be corrected; nothing is started."""
    before = len(ada.http.get("/api/batches").json()["batches"])
    table = "limit\n10\n-5\nmany<b>\n"
    for action in ("check", "start"):
        answer = ada.send_form(PAGE, {"do": action, "table": table})
        assert answer.status_code == 422
        assert "2 of 3 rows can&#x27;t be used" in answer.text or "2 of 3 rows can't" in answer.text
        assert "greater than or equal to 0" in answer.text
        assert "many&lt;b&gt;" in answer.text
        assert "<b>" not in answer.text
    assert "no parameter “evil”" in ada.send_form(PAGE, {"table": "evil\n1\n"}).text
    assert len(ada.http.get("/api/batches").json()["batches"]) == before


def test_file_counts_more_than_what_is_pasted(ada: Browser) -> None:
    """UTF-8 with its mark, and what spreadsheets call Unicode; other bytes are refused in words."""
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', ada.http.get(PAGE).text)
    assert token
    headers = {"Origin": address_of(ada.http.base_url), "Sec-Fetch-Site": "same-origin"}
    data = {"csrfmiddlewaretoken": token[1], "table": "evil\n1\n", "do": "check"}
    for content, words in (
        ("\ufefflimit\n7\n".encode(), "1 row is right."),
        ("limit\n7\n".encode("utf-16"), "1 row is right."),
        (b"limit\n\xe4\n", "not text in UTF-8"),
        (b"limit\n" + b"7\n" * 200_000, "more than 400 kB"),
    ):
        files = {"file": ("table.csv", content)}
        answer = ada.http.post(PAGE, data=data, files=files, headers=headers)
        assert words in answer.text, words
    assert ada.http.get("/tasks/no.such/many/").status_code == 404
