"""Follow what happens, live: server-sent events of a job, of a batch,
or of all that is the person's. See docs/events.md."""

from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_principal
from flask_api.gate.requirements import scope_required
from flask_api.http.job_requests import access_to
from flask_api.http.query import read_query
from flask_api.http.reach import batch_to_see, job_to_see
from flask_api.http.state import api_state
from flask_api.http.wait import PausingResponse, can_park
from flask_api.jobs.errors import JobExpired, JobNotFound
from flask_api.jobs.records.events import BEGINNING, Position
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import LAST_EVENT_ID
from flask_api.streams.access import SCOPE, Access
from flask_api.streams.feeds import BatchFeed, JobFeed, PersonFeed
from flask_api.streams.places import TooManyStreams
from shared.errors import JobStoreUnavailable, RequestError

blueprint = Blueprint("events", __name__)

EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
STREAM = Answer(
    "A stream of events; docs/events.md says what is in it.", EVENT, media_type="text/event-stream"
)
REFUSALS = (RequestError, TooManyStreams, JobStoreUnavailable)


class EventsQuery(BaseModel):
    """``?last_event_id=``: go on after this event,
    where a header can't be sent (a browser's EventSource at first)."""

    model_config = ConfigDict(extra="forbid")

    last_event_id: str = Field("", description="As the header Last-Event-ID, which wins.")


@blueprint.get("/events")
@scope_required(SCOPE)
@describe(
    "followEvents",
    query=EventsQuery,
    headers=(LAST_EVENT_ID,),
    answers={200: STREAM},
    problems=REFUSALS,
    python="for event in client.events({?last_event_id}):\n    print(event)",
)
def of_person() -> Response:
    """Follow all events of your own jobs."""
    after = _after()
    person = current_principal().id
    return stream_answer(PersonFeed(person), after, access_to(person))


@blueprint.get("/jobs/<uuid:job_id>/events")
@scope_required(SCOPE)
@describe(
    "followJob",
    query=EventsQuery,
    headers=(LAST_EVENT_ID,),
    answers={200: STREAM},
    problems=(*REFUSALS, JobNotFound, JobExpired),
    python="for event in client.job({job_id}).events({?last_event_id}):\n    print(event)",
    command="gatehouse watch {job_id}",
)
def of_job(job_id: Any) -> Response:
    """Follow a job: how it stands now, then what happens, until it has ended."""
    after = _after()
    job = job_to_see(job_id)
    return stream_answer(JobFeed(job.owner.id, job.id), after, access_to(job.owner.id))


@blueprint.get("/batches/<uuid:batch_id>/events")
@scope_required(SCOPE)
@describe(
    "followBatch",
    query=EventsQuery,
    headers=(LAST_EVENT_ID,),
    answers={200: STREAM},
    problems=(*REFUSALS, JobNotFound),
    python="for event in client.batch({batch_id}).events({?last_event_id}):\n    print(event)",
)
def of_batch(batch_id: Any) -> Response:
    """Follow a batch: its counts now and as they change, its jobs' ends, until all have ended."""
    after = _after()
    batch = batch_to_see(batch_id)
    return stream_answer(BatchFeed(batch.owner.id, batch.id), after, access_to(batch.owner.id))


def stream_answer(feed: PersonFeed, after: Position | None, access: Access) -> Response:
    """Return the answer that sends a feed's events for as long as ``access`` is good.

    Raises TooManyStreams, EngineStopped or JobStoreUnavailable.
    """
    stream = api_state().streams.open(
        feed,
        after=after,
        access=access,
        can_park=can_park(request.environ),
    )
    response = PausingResponse(stream.answer(), mimetype="text/event-stream")  # type: ignore[arg-type]
    response.call_on_close(stream.close)
    # nginx would hold events back until its buffer is full
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _after() -> Position | None:
    """Return where to go on: the header, which a reconnecting browser sends, before the query,
    which it repeats.

    Raises RequestError that names the one that can't be read.
    """
    query = read_query(EventsQuery).last_event_id
    header = request.headers.get("Last-Event-ID", "")
    name, text = ("Last-Event-ID", header) if header else ("last_event_id", query)
    if text in ("", "0"):
        return BEGINNING if text else None
    try:
        return Position.parse(text)
    except ValueError:
        raise RequestError(
            f"{name} must be the id of an event of a stream of yours, such as 1795167000125-0."
        ) from None
