"""Server-sent events: what happened to the person's jobs, as it happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse.errors import BadAnswer

MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: ``id`` to go on from, ``kind`` (status, report, batch, ...),
    ``data`` as the service's docs say."""

    id: str
    kind: str
    data: Mapping[str, Any]


def read_event(kind: str, event_id: str, text: str) -> Event | None:
    """Return the event that these fields mean;
    None for one without data, which only says when to come back."""
    if not text:
        return None
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise BadAnswer("An event of the stream isn't a JSON object.", status=200)
    return Event(id=event_id, kind=kind, data=data)
