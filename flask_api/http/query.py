"""Read query parameters into a typed model; a wrong or unknown one is a 400 that names it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flask_api.gate.state import this_memory, this_request
from flask_api.operation.describe import find_operation
from shared.errors import RequestError

MOST_PARAMETERS = 100

Cursor = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]  # next_cursor of a page

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProblem:
    """One wrong query parameter and what is accepted."""

    parameter: str
    detail: str


class InvalidQuery(RequestError):
    """A query parameter is unknown or out of range."""

    code = "invalid_query"

    def __init__(self, problems: Sequence[QueryProblem]) -> None:
        super().__init__("A query parameter is wrong.")
        self.problems = tuple(problems)


class NoQuery(BaseModel):
    """An endpoint that takes no query parameter."""

    model_config = ConfigDict(extra="forbid")


def check_query(view: Callable[..., Any] | None) -> None:
    """Raise InvalidQuery unless the request's parameters are those that its view describes:
    one rule for every endpoint."""
    operation = find_operation(view)
    if this_request().query_string and operation is not None:
        read_query(operation.query or NoQuery)


def read_query(model: type[ModelT]) -> ModelT:
    """Return the request's query parameters as ``model``, or raise InvalidQuery. They are read once
    a request: a view reads what check_query has."""
    memory = this_memory()
    read = memory.get("gatehouse_query")
    if not isinstance(read, model):
        read = _read(model)
        memory.gatehouse_query = read
    return read


def _read(model: type[ModelT]) -> ModelT:
    sent = this_request()
    if not sent.query_string:
        return cast(ModelT, _defaults_of(model))
    if sent.query_string.count(b"&") >= MOST_PARAMETERS:  # before each of them is made an error
        raise InvalidQuery(
            [QueryProblem(parameter="", detail=f"Send at most {MOST_PARAMETERS} parameters.")]
        )
    repeated = [name for name, values in sent.args.lists() if len(values) > 1]
    if repeated:  # readers differ on which one counts
        raise InvalidQuery(
            [
                QueryProblem(parameter=name[:100], detail="Send this parameter once.")
                for name in repeated
            ]
        )
    return _checked(model, sent.args.to_dict())


@cache
def _defaults_of(model: type[BaseModel]) -> BaseModel:
    """Return what stands for an empty query; nobody changes it."""
    return _checked(model, {})


def _checked(model: type[ModelT], parameters: dict[str, str]) -> ModelT:
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        problems: dict[str, QueryProblem] = {}
        # of a parameter that may be one of several types, an error for each: the first will do
        for line in error.errors():
            name = str(line["loc"][0])
            problems.setdefault(name, _problem(model, name, line["msg"]))
        raise InvalidQuery(tuple(problems.values())) from None


def _problem(model: type[BaseModel], name: str, message: str) -> QueryProblem:
    if name not in model.model_fields:
        message = (
            f"There is no such parameter; accepted: {', '.join(model.model_fields) or 'none'}."
        )
    return QueryProblem(parameter=name[:100], detail=message)
