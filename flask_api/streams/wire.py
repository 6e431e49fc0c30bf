"""The wire format of a stream: server-sent events (WHATWG HTML, section 9.2), UTF-8,
one line of JSON each.

    retry: 2000                    after a break the client comes back after this many milliseconds
    id: 1795167000125-0            where to go on: sent back as Last-Event-ID
    event: status
    data: {"job":"0199...","status":"succeeded"}
                                   an empty line ends the event
    : still here                   a comment, so that both ends notice a broken connection;
                                   no event, no empty line

What a stream says itself, beside the engine's events:
``ready`` and ``reset`` at its beginning, ``end`` as its last word.
"""

import json
from enum import StrEnum
from functools import lru_cache
from typing import Any

from flask_api.jobs.records.events import Event, Position

RETRY_MS = 2000
HEARTBEAT = b": still here\n"


class EndReason(StrEnum):
    """Why a stream ends, and what its client should do."""

    FINISHED = "finished"  # the job or batch has ended: don't come back
    STOPPING = "stopping"  # this process stops: come back, another one goes on
    REFUSED = "refused"  # the credential is no longer good for this: log in again


def frame(
    kind: str, data: str, *, position: Position | None = None, retry_ms: int | None = None
) -> bytes:
    """Return one event; ``data`` is JSON without line breaks."""
    lines = [] if retry_ms is None else [f"retry: {retry_ms}"]
    lines += [] if position is None else [f"id: {position}"]
    return "\n".join([*lines, f"event: {kind}", f"data: {data}", "", ""]).encode()


@lru_cache(maxsize=256)  # thousands may follow one person
def event_frame(event: Event) -> bytes:
    """Return an event of the engine's."""
    return frame(event.kind, event.data, position=event.position)


def end_frame(reason: EndReason) -> bytes:
    """Return a stream's last word."""
    return frame("end", to_json({"reason": reason}))


def to_json(value: dict[str, Any]) -> str:
    """Return JSON in one line."""
    return json.dumps(value, separators=(",", ":"))
