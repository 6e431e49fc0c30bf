"""What the engine tells a person's stream, as JSON (docs/events.md). Where it is quicker, Lua writes the same: see turn.lua."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from flask_api.jobs.record import JobStatus

LOG_BYTES = 10_000  # one line of the greatest length fits; ten thousand such events are 100 MB at the very most

CANCEL_REQUESTED = json.dumps({"event": "cancel_requested"})
DELETED = json.dumps({"event": "deleted"})


def deleted_batch_event(batch: str) -> str:
    """Return the event of a batch that its person deleted."""
    return json.dumps({"event": "deleted", "batch": batch})


@cache
def state_event(status: JobStatus, *, task: str | None = None) -> str:
    """Return the event of a change of state; that of an accepted job names its task."""
    return json.dumps({"event": "status", "status": status, **({"task": task} if task else {})})


def batch_event(batch: str, *, total: int, task: str) -> str:
    """Return the event of an accepted batch."""
    return json.dumps({"event": "batch", "batch": batch, "total": total, "task": task})


def report_event(changes: Mapping[str, Any], lines: Sequence[str]) -> str:
    """Return the event of what a job says: progress, files, and the newest log lines that fit. Its log has all of them."""
    return json.dumps({"event": "report", **changes, **({"log": _newest(lines)} if lines else {})})


def _newest(lines: Sequence[str]) -> list[str]:
    told: list[str] = []
    room = LOG_BYTES
    for line in reversed(lines):
        room -= len(line)
        if room < 0:
            break
        told.append(line)
    return told[::-1]
