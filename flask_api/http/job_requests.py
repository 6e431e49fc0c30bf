"""What a submit may say: its body and its Idempotency-Key, checked before anything is stored."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal, Self, TypedDict, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, to_json

from flask_api.gate.extension import current_identity, current_principal
from flask_api.gate.requirements import P, R, View, require_scope, requirement
from flask_api.gate.state import gate_state, this_request
from flask_api.http.batch_body import BatchBody, Sets, parse_batch
from flask_api.http.json_body import read_json_object, read_json_text
from flask_api.jobs.errors import (
    ArgumentProblem,
    EngineStopped,
    InvalidArguments,
    PersonQuotaExceeded,
    QueueFull,
    TooManyUnfinished,
    UnknownTask,
    json_pointer,
)
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import Owner
from flask_api.jobs.tasks.task import MAX_PROBLEMS
from flask_api.streams.access import Access
from shared.clock import JOBS_CLOCK
from shared.contract.api_keys import TASK_SCOPE_PREFIX
from shared.contract.authentication import Identity
from shared.contract.principal import Principal
from shared.errors import JobStoreFull, JobStoreUnavailable, RequestError
from shared.settings import ApiSettings

PRIORITIES = {"low": -1, "normal": 0, "high": 1}
LONGEST_DELAY_S = 30 * 86_400

Priority = Literal["low", "normal", "high"]

# What the engine may answer to a well-formed submit.
REFUSALS = (
    UnknownTask,
    QueueFull,
    TooManyUnfinished,
    PersonQuotaExceeded,
    EngineStopped,
    JobStoreUnavailable,
    JobStoreFull,
)
_NO_SUBMIT = "The body is not a job request."
_BOTH_STARTS: dict[str, Any] = {
    "required": ["start_at", "delay_s"],
    "properties": {"start_at": {"type": "string"}, "delay_s": {"type": "number"}},
}


class SubmitRequest(BaseModel):
    """What every submit has. Nothing else is taken:
    owner, status or executor are not the client's to set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str = Field(max_length=100)
    priority: Priority = Field("normal", description="Among your own jobs.")


class JobRequest(SubmitRequest):
    """The body of a submit; it begins at once, at ``start_at``, or after ``delay_s`` seconds."""

    model_config = ConfigDict(json_schema_extra={"not": _BOTH_STARTS})

    arguments: dict[str, Any] = {}
    start_at: AwareDatetime | None = Field(
        None, description="When it may begin, up to 30 days from now."
    )
    delay_s: Annotated[float, Field(ge=0, le=LONGEST_DELAY_S)] | None = Field(
        None, description="How many seconds from now it may begin."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start_at is not None and self.delay_s is not None:
            raise ValueError("give start_at or delay_s, not both")
        if self.start_at is not None and self.start_at > JOBS_CLOCK.moment() + timedelta(
            seconds=LONGEST_DELAY_S
        ):
            raise ValueError("start_at must be at most 30 days from now")
        return self

    @property
    def due_at(self) -> datetime | None:
        """When the job may begin; None: now."""
        if self.delay_s:
            return JOBS_CLOCK.moment() + timedelta(seconds=self.delay_s)
        return self.start_at


class BatchRequest(SubmitRequest):
    """The body of a batch: one set of arguments for each job."""

    arguments: Annotated[list[dict[str, Any]], FailFast()] = Field(min_length=1)


BodyT = TypeVar("BodyT", bound=BaseModel)


def may_submit(view: View[P, R]) -> View[P, R]:
    """Let in a session, and a key that may submit jobs of some task:
    before the body is read, which says of which."""
    scopes = ("jobs:submit", f"{TASK_SCOPE_PREFIX}<name>")
    decorate: Callable[[View[P, R]], View[P, R]] = requirement(_submits_something, scopes=scopes)
    return decorate(view)


class _Submit(TypedDict):
    task_name: str
    owner: Owner
    priority: int
    idempotency: IdempotencyKey | None


class JobSubmit(_Submit):
    """A job, as the engine takes it."""

    arguments: Mapping[str, Any]
    start_at: datetime | None
    job_id: str


class BatchSubmit(_Submit):
    """A batch, as the engine takes it."""

    arguments: Sets


def read_job_request() -> JobSubmit:
    """Return what this request submits.

    Raises InvalidArguments with a JSON pointer per problem, RequestError, UnknownTask, or
    PermissionDenied for a key that may not submit this task's jobs.
    The arguments are left to the task's check.
    """
    identity, body = current_identity(), read_json_object()
    arguments = body.get("arguments", {})
    named: dict[str, Any] = {"arguments": {}} if isinstance(arguments, dict) else {}
    wanted = check_body(JobRequest, {**body, **named}, _NO_SUBMIT)
    return {
        **_allowed(wanted, identity, lambda: [_canonical(body)]),
        "arguments": arguments,
        "start_at": wanted.due_at,
        "job_id": identity.signed.job_id if identity.signed else "",
    }


def read_batch_request(settings: ApiSettings) -> BatchSubmit:
    """Return the batch that this request submits. Raises as read_job_request and parse_batch."""
    this_request().max_content_length = settings.batch_body_max_bytes
    most_sets, most_bytes = settings.batch_max, settings.max_body_bytes
    body = parse_batch(read_json_text(), most_sets=most_sets, most_bytes=most_bytes)
    wanted = check_body(BatchRequest, body.envelope, _NO_SUBMIT)
    common = _allowed(wanted, current_identity(), lambda: _canonical_batch(body))
    return {**common, "arguments": body.sets}


def check_body(kind: type[BodyT], body: dict[str, Any], message: str) -> BodyT:
    """Return the body as ``kind``, or raise InvalidArguments:
    of many unknown members it looks at the first hundred."""
    unknown = islice((name for name in body if name not in kind.model_fields), MAX_PROBLEMS)
    problems = [_no_such_member(kind, json_pointer(name)) for name in unknown]
    if not problems:
        try:
            return kind.model_validate_json(to_json(body))
        except ValidationError as error:
            lines = error.errors(include_input=False, include_url=False)[:MAX_PROBLEMS]
            problems = [_problem(line) for line in lines]
    raise InvalidArguments(message, problems=problems) from None


def _submits_something(identity: Identity) -> None:
    key = identity.key
    if key is not None and not any(scope.startswith(TASK_SCOPE_PREFIX) for scope in key.scopes):
        require_scope(identity, "jobs:submit")


def _allowed(
    wanted: SubmitRequest, identity: Identity, body: Callable[[], Iterable[str]]
) -> _Submit:
    """Decide whether this credential may submit it. If there is such a task is for the engine to
    say: of a submit that is repeated there need be none now."""
    require_scope(identity, "jobs:submit", f"{TASK_SCOPE_PREFIX}{wanted.task}")
    return {
        "task_name": wanted.task,
        "owner": owner_of(identity.principal),
        "priority": PRIORITIES[wanted.priority],
        "idempotency": _idempotency_key(body, is_djangos=identity.signed is not None),
    }


def viewer() -> Owner:
    """Return the person this request acts as, as the owner of jobs."""
    return owner_of(current_principal())


def owner_of(principal: Principal) -> Owner:
    """Return a person as the owner of jobs."""
    return Owner(id=principal.id, username=principal.username)


def access_to(owner_id: str) -> Access:
    """Return this request's right to go on with an answer about a person's jobs,
    to be asked while it is sent."""
    state = gate_state()
    credential = state.credentials.choose(this_request())
    return Access(state.guards, credential, current_identity(), owner_id=owner_id)


def is_staff() -> bool:
    """Tell whether this request acts as staff."""
    return current_principal().is_staff


def _idempotency_key(
    body: Callable[[], Iterable[str]], *, is_djangos: bool
) -> IdempotencyKey | None:
    """Return the Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header)
    with the digest of the request."""
    sent = this_request()
    key = sent.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable()):
        raise RequestError("Idempotency-Key must be 1 to 255 printable ASCII characters.")
    if is_djangos:
        # No header of the person's can be one, and take a job's place.
        key = f"\0{key}"
    digest = hashlib.sha256(f"{sent.path} ".encode())
    for piece in body():
        digest.update(piece.encode())
    return IdempotencyKey(key=key, body_digest=digest.hexdigest(), outlives_job=is_djangos)


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


def _canonical_batch(body: BatchBody) -> Iterator[str]:
    """Yield what _canonical would make of the whole body, one set at a time:
    ``arguments`` is the first of the names."""
    yield '{"arguments": ['
    for number, each in enumerate(body.sets):
        yield f"{', ' if number else ''}{_canonical(each)}"
    others = {name: value for name, value in body.envelope.items() if name != "arguments"}
    yield f"], {_canonical(others)[1:]}"


def _problem(line: ErrorDetails) -> ArgumentProblem:
    return ArgumentProblem(
        pointer=json_pointer(*line["loc"]), detail=line["msg"].removeprefix("Value error, ")
    )


def _no_such_member(kind: type[BaseModel], pointer: str) -> ArgumentProblem:
    return ArgumentProblem(
        pointer=pointer,
        detail=f"There is no such member; accepted: {', '.join(kind.model_fields)}.",
    )
