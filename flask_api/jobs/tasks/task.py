"""What a task is: a typed function with a name,
whose arguments are checked before a job is accepted.

    @task("text.repeat")
    def repeat(text: str, times: Annotated[int, Field(le=100)] = 2, *, job: JobContext) -> str:
        \"\"\"Repeat a text.\"\"\"
        return text * times

Parameters become a pydantic model (strict: "2" is not a number; extra names are refused), the
return annotation a schema. A parameter annotated ``JobContext`` is given by the engine and is no
argument.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, SchemaValidator, to_json

from flask_api.jobs.errors import ArgumentProblem, InvalidArguments, json_pointer
from flask_api.jobs.tasks.alternatives import AtLeastOneOf
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.first_problem import first_problem_validator
from flask_api.jobs.tasks.input_file import Resolver
from flask_api.jobs.tasks.parameters import (
    arguments_model,
    holds_nan,
    require_name,
    require_plain,
    result_type,
)
from flask_api.jobs.tasks.policy import Policy

P = ParamSpec("P")
R = TypeVar("R")

MAX_PROBLEMS = 100
# From so many bytes of JSON on, a check ends at the first wrong item of each list:
# all of them may be a million.
LARGE_BYTES = 16_384


class Task(Generic[P, R]):
    """A function with a name and checked parameters. Calling it calls the function, as before."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str,
        policy: Policy,
        at_least_one_of: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.function = function
        self.policy = policy
        self.summary = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        require_plain(name, function)
        hints = get_type_hints(function, include_extras=True)
        self._context_parameter = next((p for p, hint in hints.items() if hint is JobContext), None)
        self._result = result_type(name, hints.pop("return", Any))
        self.result_type = self._result.adapter
        self._needed = AtLeastOneOf(at_least_one_of)
        self.arguments_model = arguments_model(name, function, hints, self._needed)
        self._needed.check_parameters(name, self.arguments_model)
        self._parameters = tuple(self.arguments_model.model_fields)
        self.arguments_schema = self.arguments_model.model_json_schema()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, in this thread, without a job."""
        return self.function(*args, **kwargs)

    def check(self, arguments: Mapping[str, Any], *, inputs: Resolver | None = None) -> str:
        """Return the arguments as JSON text with defaults filled in,
        or raise InvalidArguments naming every wrong one.

        Of large arguments it names the first wrong item of each list; never more than MAX_PROBLEMS.
        ``inputs`` is asked for each file that they name; without it only the ids' form is checked.
        """
        text = _text_of(arguments)
        try:
            model = self._validate(arguments, text, inputs)
        except ValidationError as error:
            lines = error.errors(include_input=False, include_url=False)[:MAX_PROBLEMS]
            problems = [self._problem(arguments, line) for line in lines]
            raise InvalidArguments(
                f"The arguments of {self.name} are wrong.", problems=problems
            ) from None
        if holds_nan(text):
            problem = ArgumentProblem(
                pointer="/arguments", detail="NaN and Infinity are not JSON numbers."
            )
            raise InvalidArguments(f"The arguments of {self.name} are wrong.", problems=[problem])
        self._needed.check(self.name, model)
        return model.model_dump_json()

    def run(self, arguments: str, context: JobContext) -> str:
        """Call the function with checked arguments (JSON text) and return its result as JSON text.

        Raises whatever the function raises, and ValueError when the result does not fit its
        annotation or JSON, which has neither NaN nor infinity.
        """
        model = self.arguments_model.model_validate_json(
            arguments, strict=True, context=context.inputs
        )
        keywords = {name: getattr(model, name) for name in self._parameters}
        if self._context_parameter is not None:
            keywords[self._context_parameter] = context
        try:
            result = self.function(**keywords)  # type: ignore[call-arg]  # checked by the model built from its signature
        finally:
            context.flush()  # a task that raises has a last word too
        return self._result.to_json(result)

    def _validate(
        self, arguments: Mapping[str, Any], text: bytes, inputs: Resolver | None
    ) -> BaseModel:
        if len(text) < LARGE_BYTES:
            return self.arguments_model.model_validate_json(text, strict=True, context=inputs)
        unknown = (name for name in arguments if name not in self._names)
        if problems := [
            self._no_such_argument(json_pointer("arguments", name))
            for name in islice(unknown, MAX_PROBLEMS)
        ]:
            raise InvalidArguments(f"The arguments of {self.name} are wrong.", problems=problems)
        model: BaseModel = self._first_problem.validate_json(text, strict=True, context=inputs)
        return model

    @cached_property
    def result_schema(self) -> dict[str, Any]:
        """The JSON Schema of what it returns; making it takes 2 ms."""
        return self.result_type.json_schema()

    @property
    def _names(self) -> Mapping[str, Any]:
        names: Mapping[str, Any] = self.arguments_schema.get("properties", {})
        return names

    @cached_property
    def _first_problem(self) -> SchemaValidator:
        return first_problem_validator(self.arguments_model)

    def _no_such_argument(self, pointer: str) -> ArgumentProblem:
        accepted = ", ".join(self._names) or "none"
        return ArgumentProblem(
            pointer=pointer, detail=f"There is no such argument; accepted: {accepted}."
        )

    def _problem(self, arguments: Mapping[str, Any], line: ErrorDetails) -> ArgumentProblem:
        location = line["loc"]
        pointer = _pointer(arguments, location, is_missing=line["type"] == "missing")
        name = location[0] if location else None
        if line["type"] == "extra_forbidden":
            return self._no_such_argument(pointer)
        accepted = json.dumps(self._names.get(str(name), {}), sort_keys=True)
        return ArgumentProblem(pointer=pointer, detail=f"{line['msg']}; accepted: {accepted}")


def task(
    name: str,
    *,
    executor: str = "threads",
    timeout_s: float | None = None,
    max_attempts: int = 3,
    retry_on: tuple[type[Exception], ...] = (),
    never_retry: tuple[type[Exception], ...] = (),
    backoff_s: float = 1.0,
    backoff_cap_s: float = 60.0,
    ttl_s: int | None = None,
    max_running: int | None = None,
    needs: str = "",
    version: str = "",
    at_least_one_of: tuple[str, ...] = (),
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a typed function a task. ``name`` is dotted lower case (``primes.sum``).

    ``at_least_one_of`` names parameters with a default:
    a submit that gives none of them is refused. For the rest see Policy.
    """
    require_name(name)
    policy = Policy(
        executor=executor,
        timeout_s=timeout_s,
        max_attempts=max_attempts,
        retry_on=retry_on,
        never_retry=never_retry,
        backoff_s=backoff_s,
        backoff_cap_s=backoff_cap_s,
        ttl_s=ttl_s,
        max_running=max_running,
        needs=needs,
        version=version,
    )

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return Task(function, name=name, policy=policy, at_least_one_of=at_least_one_of)

    return decorate


def _text_of(arguments: Mapping[str, Any]) -> bytes:
    try:
        return to_json(arguments)  # an eighth of the other's time
    except ValueError:  # half a character, say: the model refuses it with a word
        return json.dumps(arguments).encode()


def _pointer(
    arguments: Mapping[str, Any], location: Sequence[str | int], *, is_missing: bool
) -> str:
    """Return the RFC 6901 pointer to a place in the arguments;
    of a missing one, to where it belongs.

    Parts that the arguments don't have are left out:
    pydantic adds the names of a union's alternatives.
    """
    pointer = "/arguments"
    place: Any = arguments
    for number, part in enumerate(location, start=1):
        if _has(place, part):
            place = place[part]
        elif not (is_missing and number == len(location)):
            continue
        pointer += json_pointer(part)
    return pointer


def _has(place: Any, part: str | int) -> bool:
    return (
        part in range(len(place))
        if isinstance(place, list)
        else isinstance(place, Mapping) and part in place
    )
