"""What a submit may say: its body and its Idempotency-Key, checked before anything is stored."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from flask import request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, to_json

from flask_api.gate.credentials import choose_credential
from flask_api.gate.extension import current_identity, current_principal, gate_state
from flask_api.gate.requirements import require_scope
from flask_api.jobs.errors import ArgumentProblem, EngineStopped, InvalidArguments, QueueFull, TooManyUnfinished, UnknownTask
from flask_api.jobs.ledger import IdempotencyKey
from flask_api.jobs.record import Owner
from flask_api.json_body import read_json_object
from flask_api.streams.access import Access
from shared.api_keys import TASK_SCOPE_PREFIX
from shared.errors import JobStoreUnavailable, RequestError

PRIORITIES = {"low": -1, "normal": 0, "high": 1}
LONGEST_DELAY_S = 30 * 86_400

Priority = Literal["low", "normal", "high"]

# What the engine may answer to a well-formed submit.
REFUSALS = (UnknownTask, QueueFull, TooManyUnfinished, EngineStopped, JobStoreUnavailable)
_BOTH_STARTS: dict[str, Any] = {
    "required": ["start_at", "delay_s"],
    "properties": {"start_at": {"type": "string"}, "delay_s": {"type": "number"}},
}


class Request(BaseModel):
    """What every submit has. Nothing else is taken: owner, status or executor are not the client's to set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str = Field(max_length=100)
    priority: Priority = Field("normal", description="Among your own jobs.")


class JobRequest(Request):
    """The body of a submit; it begins at once, at ``start_at``, or after ``delay_s`` seconds."""

    model_config = ConfigDict(json_schema_extra={"not": _BOTH_STARTS})

    arguments: dict[str, Any] = {}
    start_at: AwareDatetime | None = Field(None, description="When it may begin, up to 30 days from now.")
    delay_s: Annotated[float, Field(ge=0, le=LONGEST_DELAY_S)] | None = Field(None, description="Begin after so many seconds.")

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start_at is not None and self.delay_s is not None:
            raise ValueError("give start_at or delay_s, not both")
        if self.start_at is not None and self.start_at > datetime.now(UTC) + timedelta(seconds=LONGEST_DELAY_S):
            raise ValueError("start_at: accepted is up to 30 days from now")
        return self

    @property
    def due_at(self) -> datetime | None:
        """When the job may begin; None: now."""
        if self.delay_s:
            return datetime.now(UTC) + timedelta(seconds=self.delay_s)
        return self.start_at


class BatchRequest(Request):
    """The body of a batch: one set of arguments for each job."""

    arguments: list[dict[str, Any]] = Field(min_length=1)


RequestT = TypeVar("RequestT", bound=Request)


def read_request(kind: type[RequestT]) -> tuple[RequestT, IdempotencyKey | None]:
    """Return the request's body and Idempotency-Key.

    Raises InvalidArguments with a JSON pointer per problem, RequestError, or PermissionDenied for a key without the scope.
    """
    body = read_json_object()
    try:
        wanted = kind.model_validate_json(to_json(body))
    except ValidationError as error:
        lines = error.errors(include_input=False, include_url=False)[:100]
        problems = [_problem(kind, line) for line in lines]
        raise InvalidArguments("The body is not a job request.", problems=problems) from None
    require_scope(current_identity(), "jobs:submit", f"{TASK_SCOPE_PREFIX}{wanted.task}")
    return wanted, _idempotency_key(body)


def viewer() -> Owner:
    """Return the person this request acts as, as the owner of jobs."""
    principal = current_principal()
    return Owner(id=principal.id, username=principal.username)


def access_to(owner_id: str) -> Access:
    """Return this request's right to go on with an answer about a person's jobs, to be asked while it is sent."""
    state = gate_state()
    credential = choose_credential(request, state.settings.cookie_name)
    return Access(state.guards, credential, current_identity(), owner_id=owner_id)


def is_staff() -> bool:
    """Tell whether this request acts as staff."""
    return current_principal().is_staff


def _idempotency_key(body: dict[str, Any]) -> IdempotencyKey | None:
    """Return the Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header) with the digest of the request."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable()):
        raise RequestError("Idempotency-Key: accepted are 1 to 255 printable ASCII characters.")
    text = f"{request.path} {json.dumps(body, sort_keys=True)}"
    return IdempotencyKey(key=key, body_digest=hashlib.sha256(text.encode()).hexdigest())


def _problem(kind: type[BaseModel], line: ErrorDetails) -> ArgumentProblem:
    pointer = _pointer(line["loc"])
    message = line["msg"].removeprefix("Value error, ")
    if line["type"] == "extra_forbidden":
        message = f"There is no such member; accepted: {', '.join(kind.model_fields)}."
    return ArgumentProblem(pointer=pointer, detail=message)


def _pointer(location: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1")[:200] for part in location)
