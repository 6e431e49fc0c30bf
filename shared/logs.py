"""Where logs go and how a line looks: one line per event on standard error, key=value or JSON.

Code logs through the standard library (``logging.getLogger("gatehouse...")`` with ``extra``), so an
adopting site keeps its own set-up; structlog only renders. It escapes control characters in values,
so input can't forge a line (CWE-117). Loggers:
``gatehouse`` and, for refusals, ``gatehouse.security``.
"""

import logging
import logging.config
from typing import Any

import structlog
from structlog.typing import Processor


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
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
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
