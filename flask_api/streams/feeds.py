"""What a stream is about: all that is a person's, one job, or one batch.
Each knows its events, and how things stand now."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.events import Event, EventLog, Position
from flask_api.jobs.records.job import JobStatus
from flask_api.streams.wire import event_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How things stand at ``position``: what came before it is in ``data``,
    what comes after it is not."""

    position: Position
    kind: str
    data: dict[str, Any]
    is_over: bool = False


class PersonFeed:
    """All events of one person. The base of the narrower ones;
    a value, it does nothing by itself."""

    # Is it worth telling again how things stand, when events came?
    tells_again: ClassVar[bool] = False
    # May a client know where in its owner's stream it is, and go on from there?
    tells_positions: ClassVar[bool] = True

    def __init__(self, owner_id: str) -> None:
        self.owner_id = owner_id

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def includes(self, event: Event) -> bool:
        """Tell whether the event belongs here."""
        return bool(event.kind)

    def frame(self, event: Event) -> bytes:
        """Return an event that belongs here as it is sent."""
        return event_frame(event)

    def changes(self, event: Event) -> bool:
        """Tell whether this may have been the last event."""
        del event
        return False

    def snapshot(self, event_log: EventLog) -> Snapshot:
        """Return how things stand now. Raises JobStoreUnavailable."""
        return Snapshot(position=event_log.tail(self.owner_id), kind="ready", data={})


class JobFeed(PersonFeed):
    """The events of one job."""

    _FIELDS = ("status", "attempt", "max_attempts", "cancel_requested", "progress")

    def __init__(self, owner_id: str, job_id: str) -> None:
        super().__init__(owner_id)
        self._job_id = job_id

    def includes(self, event: Event) -> bool:
        """Tell whether it is the job's."""
        return event.job == self._job_id

    def changes(self, event: Event) -> bool:
        """Tell whether the job ended by it; it may be retried since."""
        return event.ends_a_job

    def snapshot(self, event_log: EventLog) -> Snapshot:
        """Return the job's status and progress."""
        found, position = event_log.with_tail(
            self.owner_id, keyspace.record(self._job_id), self._FIELDS
        )
        status = found.get("status")
        data = {
            "job": self._job_id,
            "status": status,
            "attempt": int(found.get("attempt", 0)),
            "max_attempts": int(found.get("max_attempts", 1)),
            "cancel_requested": found.get("cancel_requested") == "1",
            "progress": json.loads(found.get("progress", "null")),
        }
        is_over = status is None or JobStatus(status).is_outcome
        return Snapshot(position=position, kind="status", data=data, is_over=is_over)


class BatchFeed(PersonFeed):
    """The events of one batch: its jobs' ends, and now and then its counts."""

    tells_again = True
    _FIELDS = ("total", "finished_at", *(status.value for status in JobStatus))

    def __init__(self, owner_id: str, batch_id: str) -> None:
        super().__init__(owner_id)
        self._batch_id = batch_id

    def includes(self, event: Event) -> bool:
        """Tell whether it is the batch's."""
        return event.batch == self._batch_id

    def changes(self, event: Event) -> bool:
        """Tell whether the counts are others now."""
        return event.job is not None

    def snapshot(self, event_log: EventLog) -> Snapshot:
        """Return how many of its jobs are in which state."""
        found, position = event_log.with_tail(
            self.owner_id, keyspace.batch(self._batch_id), self._FIELDS
        )
        data = {
            "batch": self._batch_id,
            "total": int(found.get("total", 0)),
            "counts": {status.value: int(found.get(status.value, 0)) for status in JobStatus},
            "finished_at": found.get("finished_at"),
        }
        is_over = not found or "finished_at" in found
        return Snapshot(position=position, kind="counts", data=data, is_over=is_over)
