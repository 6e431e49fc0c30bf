"""Where logs go and how a line looks: one line per event on standard error, key=value or JSON.

Code logs through the standard library (``logging.getLogger("gatehouse...")`` with ``extra``), so an
adopting site keeps its own set-up; structlog only renders. It escapes control characters in values,
so input can't forge a line (CWE-117). Loggers:
``gatehouse`` and, for refusals, ``gatehouse.security``.
"""

import logging
import logging.config
import time
from collections.abc import Mapping
from copy import copy
from typing import Any

import structlog
from structlog.typing import Processor

from shared.http.logged_path import logged_path

# They put the address of a request into their lines.
_OF_REQUESTS = ("django", "gunicorn")
# What of the access log's format may hold an address: request line, path, query and referrer.
# So may headers and variables, whose names are in braces.
_ADDRESSES = frozenset("rUqf")

_MOST_WORDS = 100

_HANDLER = {
    "class": "logging.StreamHandler",
    "formatter": "structured",
    "filters": ["secret_paths"],
}


class HideSecretPaths(logging.Filter):
    """Takes out of the lines of Django and gunicorn what their addresses of requests may open:
    every 4xx and 5xx of a link that resets a password would be a line with that link."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record's own copy of the address, and its request's; keep every record."""
        if record.name.partition(".")[0] not in _OF_REQUESTS:
            return True
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        elif isinstance(record.args, dict):
            given = record.args
            record.args = copy(given)  # of its own kind: gunicorn's answers for what it lacks
            record.args.update({name: _hidden(value) for name, value in given.items()})
        request: Any = getattr(record, "request", None)
        if hasattr(request, "path"):  # rendered, it would be its address with the query
            record.request = f"{request.method} {logged_path(request.path)}"
        return True


class SaidSeldom(logging.Filter):
    """Keeps a logger that says the same every second to one line in ten seconds."""

    def __init__(self, *, every_s: float = 10.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the first record of these words, whatever they are about, and again after a
        while."""
        now, words = time.monotonic(), str(record.msg)
        if now < self._said_at.get(words, float("-inf")) + self._every_s:
            return False
        if len(self._said_at) >= _MOST_WORDS:
            self._said_at.clear()
        self._said_at[words] = now
        return True


def logged_atoms(atoms: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line of gunicorn's access log is made of, without what its addresses may open:
    that log has a handler of its own, which has no filter of ours."""
    return {
        name: _hidden(value) if name in _ADDRESSES or name.startswith("{") else value
        for name, value in atoms.items()
    }


def _hidden(value: Any) -> Any:
    return logged_path(value) if isinstance(value, str) else value


def logging_config(log_format: str) -> dict[str, Any]:
    """Return the ``logging.config.dictConfig`` dictionary; ``log_format`` is console or json."""
    final: Processor
    if log_format == "json":
        final = structlog.processors.JSONRenderer()
    else:
        final = structlog.processors.KeyValueRenderer(
            key_order=["timestamp", "level", "logger", "event"]
        )
    before: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": before,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
            }
        },
        "filters": {"secret_paths": {"()": HideSecretPaths}},
        "handlers": {"stderr": _HANDLER},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # httpx logs every URL at INFO: a task's targets may hold secrets.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # gunicorn gives its own logger a handler with another format:
            # without it, its lines look like all others.
            "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        },
    }


def configure_logging(log_format: str) -> None:
    """Send every log record of this process to standard error. Call once, at start."""
    logging.config.dictConfig(logging_config(log_format))
