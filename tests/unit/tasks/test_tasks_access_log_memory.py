"""logs.retry_failed on logs that are made to fill memory: what a line may take is bounded,
and what all of them may."""

import gzip
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.access_log import requests
from flask_api.tasks.access_log.retry import retry_failed
from shared.settings import ApiSettings
from tests.integration.tasks.web_server import LOCAL

NOBODY = "http://10.0.0.1"  # refused before anything is sent
MOST_BYTES = 60_000_000


def test_targets_too_long_for_a_server_are_counted_and_not_kept(tmp_path: Path) -> None:
    """32 kB, 96 kB as a URL: of each there were three copies for as long as the job ran."""
    report, peak = _run(tmp_path, (f"/{number}/" + "ÿ" * 32_000 for number in range(600)))
    assert (report["failed"], report["requested"]) == (600, 0)
    assert report["not_repeated"] == {"too_long": 600}
    assert peak < MOST_BYTES


def test_all_targets_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests were allowed."""
    monkeypatch.setattr(requests, "MAX_TARGETS", 20_000)
    report, _ = _run(tmp_path, (f"/{number}" + "x" * 7_000 for number in range(5)))
    assert (report["requested"], report["not_repeated"]) == (3, {"over_max_requests": 2})


def test_lines_behind_a_missing_answer_are_bounded_in_bytes(tmp_path: Path) -> None:
    """A server that says nothing holds up few of them, where they are long."""
    with _silent() as base:
        asked = ("/", *(f"/{number}/" + "ÿ" * 32_000 for number in range(600)))
        report, peak = _run(tmp_path, asked, base_url=base, timeout_s=1.0)
    assert (report["requested"], report["urls"][0]["error"]["code"]) == (1, "timed_out")
    assert peak < MOST_BYTES


def _run(
    folder: Path, targets: Iterator[str] | tuple[str, ...], **arguments: Any
) -> tuple[dict[str, Any], int]:
    """Run the task on lines of these failed targets; return its report and the most memory."""
    path = folder / "access.log.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for target in targets:
            line = f'1.2.3.4 - - [20/Nov/2026:12:13:36 +0000] "GET {target} HTTP/1.1" 503 162\n'
            packed.write(line.encode("latin-1"))
    settings = ApiSettings.model_construct(web_allowed_networks=LOCAL)
    given = {"log": path, "base_url": NOBODY, **arguments}
    tracemalloc.start()
    try:
        report = run_inline(retry_failed, given, settings=settings, reporter=InlineReporter())
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextmanager
def _silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
