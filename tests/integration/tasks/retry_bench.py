"""One run of logs.retry_failed on a log, against a web server on 127.0.0.1."""

from pathlib import Path
from typing import Any

from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.access_log.retry import retry_failed
from shared.settings import ApiSettings
from tests.integration.tasks.web_server import LOCAL, WebServer


def line(request: str, status: int, *, rest: str = ' "https://example.org/" "curl/8"') -> str:
    """Return a line of the combined format."""
    return f'192.0.2.7 - - [20/Nov/2026:12:13:36 +0000] "{request}" {status} 162{rest}\n'


class Retry:
    """One run of the task on a log of this text."""

    def __init__(self, folder: Path, server: WebServer, log: bytes | str, **arguments: Any) -> None:
        path = folder / "access.log"
        path.write_bytes(log.encode() if isinstance(log, str) else log)
        reporter = InlineReporter()
        settings = ApiSettings.model_construct(
            web_allowed_networks=LOCAL, **arguments.pop("settings", {})
        )
        self.report: dict[str, Any] = run_inline(
            retry_failed,
            {"log": path, "base_url": server.url("").rstrip("/"), **arguments},
            settings=settings,
            reporter=reporter,
        )
        [(self.name, self.log)] = reporter.files.items()


def table(report: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Return the counts before and after by status."""
    return {row["status"]: (row["before"], row["after"]) for row in report["statuses"]}
