"""Log lines: one event is one line, whatever the values hold."""

import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from shared.logs import SaidSeldom, configure_logging, logging_config

NASTY = "ada\n2026-11-20T00:00:00Z level='info' event='forged'\r\x1b[2K\x00\x85\u2028\u2029é"
BREAKS = ("\n", "\r", "\x1b", "\x00", "\x85", "\u2028", "\u2029")


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Give the root logger back its handlers."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def log_with(log_format: str, *, nasty: str) -> None:
    """Log one event that carries ``nasty`` wherever a value can."""
    logging.config.dictConfig(logging_config(log_format))
    log = logging.getLogger("gatehouse.test")
    try:
        raise ValueError(nasty)
    except ValueError:
        log.exception(
            "refused %s", nasty, extra={"username": nasty, "path": [nasty]}, stack_info=True
        )


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_line_breaks_in_values_make_no_second_line(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name, message, traceback or stack with control characters stays inside its one line,
    escaped (CWE-117)."""
    log_with(log_format, nasty=NASTY)
    output = capsys.readouterr().err
    assert output.endswith("\n")
    line = output.removesuffix("\n")
    assert not [character for character in BREAKS if character in line]
    assert len(output.splitlines()) == 1


def test_json_line_gives_every_value_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost by escaping: a collector reads the values as they were."""
    log_with("json", nasty=NASTY)
    event = json.loads(capsys.readouterr().err)
    assert event["username"] == NASTY
    assert event["event"] == f"refused {NASTY}"
    assert (event["level"], event["logger"]) == ("error", "gatehouse.test")
    assert "ValueError" in event["exception"]
    assert event["timestamp"].endswith("Z")


def test_addresses_of_requests_by_httpx_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """What tasks fetch may hold secrets in its URL, which httpx would log at INFO."""
    logging.config.dictConfig(logging_config("console"))
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?token=secret")
    assert capsys.readouterr().err == ""


def test_links_that_open_something_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Django writes the address of every request that fails, and gunicorn that of one it can't
    answer."""
    configure_logging("console")
    key = "1-d0u7lq-0123456789abcdef0123456789abcdef"
    request = Request(
        create_environ(f"/accounts/password/reset/key/{key}/", query_string=f"a={key}")
    )
    logging.getLogger("django.request").error(
        "Service Unavailable: %s", request.path, extra={"request": request, "status_code": 503}
    )
    logging.getLogger("gunicorn.error").error("Error handling request %s", f"/x/{key}/?a={key}")
    by_name: dict[str, Any] = {"r": f"GET /x/{key}/ HTTP/1.1", "s": 200}
    logging.getLogger("gunicorn.access").info("%(r)s %(s)d", by_name)
    logging.getLogger("gatehouse.jobs").info("sent %s", "a" * 64)
    first, second, third, ours = capsys.readouterr().err.splitlines()
    assert key not in f"{first}{second}{third}"
    assert "GET /x/1-d0u7lq" not in third
    assert "HTTP/1.1 200" in third
    assert key in by_name["r"], "the caller's own is left as it is"
    assert "GET /accounts/password/reset/key/" in first
    assert "a" * 64 in ours


def test_logger_that_is_kept_short_says_the_same_words_seldom() -> None:
    """Other words are said, and the same ones again after a while."""
    seldom, always = SaidSeldom(every_s=60), SaidSeldom(every_s=0)

    def record(words: str) -> logging.LogRecord:
        return logging.LogRecord("rq.worker", logging.ERROR, "", 0, words, ("w",), None)

    lines = [record("%s is away"), record("%s is away"), record("%s is full")]
    assert [seldom.filter(line) for line in lines] == [True, False, True]
    assert [always.filter(line) for line in lines] == [True, True, True]
    assert seldom.filter(lines[0]) is False
