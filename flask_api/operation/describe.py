"""What an endpoint says about itself: written beside the view,
read by the document of the whole API.

    @blueprint.get("/<uuid:job_id>")
    @scope_required("jobs:read")
    @describe("getJob", answers={200: Answer("The record.", JobRecordJson)}, problems=OF_A_JOB)
    def show(job_id: Any) -> Response: ...

Not said here is what holds for every endpoint of its kind: that it is gated, that a wrong query is
400, that a body may be too large. flask_api.openapi.operations adds it. The scopes are those that
``scope_required`` recorded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from shared.errors import GatehouseError

ViewT = TypeVar("ViewT", bound=Callable[..., Any])
ProblemKind = type[GatehouseError] | type[HTTPException]
Schema = dict[str, Any]

JSON = "application/json"
NDJSON = "application/x-ndjson"
_ATTRIBUTE = "gatehouse_operation"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that isn't a problem. ``schema`` is of its body, of one line if it is NDJSON;
    None: no body.

    ``headers`` are always there, ``may_have`` sometimes. ``identifies``: the path parameter that
    the body's ``id`` is a value of.
    """

    description: str
    schema: type[BaseModel] | Schema | None = None
    media_type: str = JSON
    also: tuple[str, ...] = ()  # further media types of the same answer
    headers: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()
    identifies: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint with one method, as its author describes it;
    names of headers are those of flask_api.operation.headers."""

    id: str
    summary: str
    description: str
    answers: Mapping[int, Answer]
    query: type[BaseModel] | None = None
    body: Mapping[str, type[BaseModel] | Schema] = field(default_factory=dict)  # by media type
    body_is_optional: bool = False
    per_task: bool = False  # the body is one alternative for each task, told apart by ``task``
    headers: tuple[str, ...] = ()
    problems: tuple[ProblemKind, ...] = ()
    # the call by gatehouse.Client and by the command; see flask_api.openapi.snippets
    python: str = ""
    command: str = ""


def describe(operation_id: str, **said: Any) -> Callable[[ViewT], ViewT]:
    """Describe a view; ``said`` are fields of Operation.
    Its docstring is the summary and the description.

    Stands below the decorators that gate the view, which keep the attribute.
    ``operation_id`` never changes: clients use it.
    """

    def decorate(view: ViewT) -> ViewT:
        summary, _, description = (view.__doc__ or "").partition("\n\n")
        text = " ".join(description.split())
        setattr(
            view,
            _ATTRIBUTE,
            Operation(id=operation_id, summary=" ".join(summary.split()), description=text, **said),
        )
        return view

    return decorate


def find_operation(view: Callable[..., Any] | None) -> Operation | None:
    """Return what a view says about itself, None when it says nothing."""
    return getattr(view, _ATTRIBUTE, None)
