"""One operation as OpenAPI has it: what its view says,
and what holds for every view of its kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from flask_api.gate.credentials import SAFE_METHODS, CrossSiteRefused
from flask_api.gate.problem import PROBLEM_JSON
from flask_api.http.json_body import UnsupportedMediaType
from flask_api.http.query import InvalidQuery
from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.openapi.problems import all_problems, code_of, status_of
from flask_api.openapi.schemas import Components, per_task
from flask_api.operation.describe import JSON, NDJSON, Answer, Operation, ProblemKind, Schema
from flask_api.operation.headers import IF_NONE_MATCH, PREFER, REQUEST_HEADERS, RESPONSE_HEADERS
from flask_api.operation.shapes import ProblemJson
from shared.errors import (
    AmbiguousCredentials,
    InsecureTransport,
    NotAuthenticated,
    PermissionDenied,
    RequestError,
    SessionStoreUnavailable,
)
from shared.settings import ApiSettings

_OF_BODIES: tuple[ProblemKind, ...] = (RequestError, RequestEntityTooLarge, UnsupportedMediaType)
_GATED: tuple[ProblemKind, ...] = (
    AmbiguousCredentials,
    InsecureTransport,
    NotAuthenticated,
    SessionStoreUnavailable,
)
# Headers that a problem of this status always carries.
_OF_PROBLEMS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An operation and where it is."""

    operation: Operation
    method: str
    path: str
    path_parameters: dict[str, Schema]
    tag: str
    is_open: bool
    scopes: tuple[tuple[str, ...], ...]  # a key needs one of each group


class Describer:
    """Turns endpoints into OpenAPI. ``endpoints`` are all of them:
    answers link to operations on what they made."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        components: Components,
        registry: TaskRegistry,
        settings: ApiSettings,
    ) -> None:
        self._endpoints = endpoints
        self._components = components
        self._registry = registry
        self._settings = settings

    def describe(self, endpoint: Endpoint) -> Schema:
        """Return the operation object of one endpoint."""
        operation = endpoint.operation
        described: Schema = {
            "operationId": operation.id,
            "tags": [endpoint.tag],
            "summary": operation.summary,
            "description": operation.description,
            "security": []
            if endpoint.is_open
            else [{"session": []}, {"key": list(chain.from_iterable(endpoint.scopes))}],
            "parameters": self._parameters(endpoint),
            "responses": self._responses(endpoint),
        }
        if operation.body:
            content = {
                media_type: {"schema": self._body(operation, schema)}
                for media_type, schema in operation.body.items()
            }
            described["requestBody"] = {
                "required": not operation.body_is_optional,
                "content": content,
            }
        return described

    def _parameters(self, endpoint: Endpoint) -> list[Schema]:
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in endpoint.path_parameters.items()
        ]
        query = endpoint.operation.query
        for name, schema in (self._components.properties(query) if query else {}).items():
            text = schema.pop("description", "")
            bound = {"maximum": self._settings.max_wait_s} if name == "wait" else {}
            parameters.append(
                {"name": name, "in": "query", "description": text, "schema": {**schema, **bound}}
            )
        parameters += [
            {"name": name, "in": "header", **REQUEST_HEADERS[name]}
            for name in endpoint.operation.headers
        ]
        return parameters

    def _body(self, operation: Operation, schema: Any) -> Schema:
        if operation.per_task:
            return per_task(self._components, schema, self._registry, most=self._settings.batch_max)
        return self._components.use(schema)

    def _responses(self, endpoint: Endpoint) -> dict[str, Schema]:
        operation = endpoint.operation
        responses = {
            str(status): self._answer(operation, answer)
            for status, answer in operation.answers.items()
        }
        if IF_NONE_MATCH in operation.headers:
            responses["304"] = {
                "description": "It is still what you have.",
                "headers": _headers(("ETag",)),
            }
        responses |= self._problems(endpoint)
        if endpoint.method == "get" and not endpoint.is_open:
            text = "A browser (Accept: text/html) that is not logged in is sent to the log-in page."
            responses["302"] = {"description": text, "headers": _headers(("Location",))}
            if "403" in responses:
                responses["403"]["content"]["text/html"] = {}
        return dict(sorted(responses.items()))

    def _answer(self, operation: Operation, answer: Answer) -> Schema:
        etag = ("ETag",) if IF_NONE_MATCH in operation.headers else ()
        preference = ("Preference-Applied",) if PREFER in operation.headers else ()
        headers = _headers((*answer.headers, *etag), (*answer.may_have, *preference))
        described: Schema = {"description": answer.description, "headers": headers}
        if answer.schema is not None:
            # OpenAPI 3.1 has no word for a sequence of JSON texts:
            # the schema of NDJSON is that of one line.
            member = "x-line-schema" if answer.media_type == NDJSON else "schema"
            content = {member: self._components.use(answer.schema)}
            described["content"] = {
                answer.media_type: content,
                **{other: {} for other in answer.also},
            }
        if answer.identifies:
            described["links"] = self._links(answer.identifies)
        return described

    def _links(self, parameter: str) -> dict[str, Schema]:
        return {
            other.operation.id: {
                "operationId": other.operation.id,
                "parameters": {parameter: "$response.body#/id"},
            }
            for other in self._endpoints
            if parameter in other.path_parameters
        }

    def _problems(self, endpoint: Endpoint) -> dict[str, Schema]:
        codes: dict[int, list[str]] = {}
        for kind in _kinds(endpoint):
            found = codes.setdefault(status_of(kind), [])
            if code_of(kind) not in found:
                found.append(code_of(kind))
        return {str(status): self._problem(status, codes[status]) for status in sorted(codes)}

    def _problem(self, status: int, codes: list[str]) -> Schema:
        pages = [all_problems()[code] for code in codes]
        text = "\n".join(f"- `{page.code}`: {page.meaning}" for page in pages)
        content = {PROBLEM_JSON: {"schema": self._components.use(ProblemJson)}}
        return {
            "description": text,
            "headers": _headers(_OF_PROBLEMS.get(status, ())),
            "content": content,
        }


def _kinds(endpoint: Endpoint) -> Iterable[ProblemKind]:
    """Yield every kind of problem that the endpoint may answer with."""
    operation = endpoint.operation
    yield InvalidQuery
    if not endpoint.is_open:
        yield from _GATED
        if endpoint.scopes:
            yield PermissionDenied
        if endpoint.method.upper() not in SAFE_METHODS:
            yield CrossSiteRefused
    if endpoint.path_parameters:
        yield NotFound
    if operation.body:
        yield from _OF_BODIES
    if JSON in operation.body:
        yield InvalidArguments
    yield from operation.problems


def _headers(always: Sequence[str], sometimes: Sequence[str] = ()) -> dict[str, Schema]:
    return {
        name: {**RESPONSE_HEADERS[name], "required": name in always}
        for name in (*always, *sometimes)
    }
