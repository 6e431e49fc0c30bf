"""Read the body of a batch: its sets of arguments stay text until each is looked at,
so one is in memory at a time.

    {"task": "primes.sum", "arguments": [{"limit": 10}, {"limit": 20}]}
                                         ^^^^^^^^^^^^^  ^^^^^^^^^^^^^  the sets;
    the rest is the envelope, with {} in the place of each set.

Where a set ends is found by a parser that keeps nothing.
The envelope and each set are then read as strictly as any body.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from flask_api.http.json_body import NOT_AN_OBJECT, parse_json, parse_json_object
from flask_api.http.json_size import require_few_values, require_short_strings
from flask_api.jobs.errors import ArgumentProblem, InvalidArguments, json_pointer
from shared.errors import RequestError

_LIST = "arguments"
_BLANKS = re.compile(r"[ \t\n\r]*")
_FINDER = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers are read when their set is


class Sets(Sequence[dict[str, Any]]):
    """The sets of a batch, each parsed when it is asked for.
    Raises RequestError for one that is not strict JSON."""

    def __init__(self, text: str, spans: Sequence[tuple[int, int]]) -> None:
        self._text = text  # a character for each byte of UTF-8
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Sets": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | Sets":
        """Return one set, or some of them."""
        if isinstance(index, slice):
            return Sets(self._text, self._spans[index])
        start, end = self._spans[index]
        value: dict[str, Any] = parse_json(self._text[start:end].encode("latin-1"))
        return value

    def require_small(self, *, most_bytes: int) -> None:
        """Raise InvalidArguments when a set is larger than a job's own body might be."""
        for number, (start, end) in enumerate(self._spans):
            if end - start > most_bytes:
                detail = f"must be at most {most_bytes} bytes; this set has {end - start}"
                problem = ArgumentProblem(pointer=json_pointer(_LIST, number), detail=detail)
                raise InvalidArguments("A set of arguments is too large.", problems=[problem])


@dataclass(frozen=True, slots=True)
class BatchBody:
    """A body in two parts: ``envelope`` is the object with {} in each set's place."""

    envelope: dict[str, Any]
    sets: Sets


def parse_batch(body: bytes, *, most_sets: int, most_bytes: int) -> BatchBody:
    """Return a batch's body.

    Raises RequestError, or InvalidArguments for more sets than ``most_sets`` or one larger than
    ``most_bytes``. Linear.
    """
    require_few_values(body)
    require_short_strings(body, most=2 * most_bytes)
    text = body.decode("latin-1")
    try:
        place = _find_list(text)
        spans = [] if place is None else _spans(text, place, most_sets)
    except RecursionError as error:
        raise RequestError("The body is nested too deeply.") from error
    except ValueError as error:
        raise RequestError(f"The body is not JSON: {error}.") from error
    sets = Sets(text, spans)
    sets.require_small(most_bytes=most_bytes)
    return BatchBody(_envelope("".join(_around(text, spans)).encode("latin-1"), most_bytes), sets)


def _envelope(text: bytes, most_bytes: int) -> dict[str, Any]:
    if len(text) > most_bytes:
        raise RequestError(
            "The body is too large: beside its sets of arguments it must be at most "
            f"{most_bytes} bytes."
        )
    return parse_json_object(text)


def _around(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield the text with {} for each set: what stands between them is still to be judged."""
    at = 0
    for start, end in spans:
        yield text[at:start]
        yield "{}"
        at = end
    yield text[at:]


def _find_list(text: str) -> int | None:
    """Return where the first list of sets begins; None: there is none.
    Raises ValueError for broken text."""
    at = _skip(text, 0)
    if text[at : at + 1] not in ("{", ""):
        raise RequestError(NOT_AN_OBJECT)
    is_next = text.startswith("{", at)
    while is_next:
        name, at = _FINDER.raw_decode(text, _skip(text, at + 1))
        at = _skip(text, _expect(text, at, ":") + 1)
        if name == _LIST and text.startswith("[", at):
            return at
        _, at = _FINDER.raw_decode(text, at)
        at = _skip(text, at)
        is_next = text.startswith(",", at)
    return None


def _spans(text: str, at: int, most: int) -> list[tuple[int, int]]:
    """Return where each object of the list at ``at`` begins and ends;
    other items are left for the strict reader."""
    spans: list[tuple[int, int]] = []
    start = _skip(text, at + 1)
    if text.startswith("]", start):
        return spans
    for _ in range(most):
        _, end = _FINDER.raw_decode(text, start)
        if text[start] == "{":
            spans.append((start, end))
        at = _expect(text, end, ",]")
        if text[at] == "]":
            return spans
        start = _skip(text, at + 1)
    problem = ArgumentProblem(pointer=json_pointer(_LIST), detail=f"must be at most {most} sets")
    raise InvalidArguments("The batch is too large.", problems=[problem])


def _expect(text: str, at: int, marks: str) -> int:
    """Return where the next mark stands; raise ValueError when it is another."""
    at = _skip(text, at)
    if text[at : at + 1] not in tuple(marks):
        raise json.JSONDecodeError(f"Expecting one of {marks!r}", text, at)
    return at


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return len(text) if found is None else found.end()
