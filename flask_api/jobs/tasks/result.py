"""What a task returns, as JSON: with every value in it, or not at all.

pydantic writes NaN and infinity as null wherever a type says nothing about numbers (``Any``,
``object``, ``dict``). A job whose result is null in the place of a number would have succeeded with
a wrong result: it fails instead.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from types import GenericAlias
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from flask_api.jobs.records.job import json_text

_LISTS = (list, tuple, set, frozenset, deque)


class ResultType:
    """Writes the results of one task. ``adapter`` is the annotation's, for its schema."""

    def __init__(self, annotation: Any) -> None:
        self.adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self._may_be_none = False  # found out with the first one: many tasks return nothing
        # In a tuple, since a model or a dataclass takes no configuration from outside when it is
        # alone.
        alone: Any = GenericAlias(tuple, (annotation,))
        self._writer: TypeAdapter[Any] = TypeAdapter(
            alone, config=ConfigDict(ser_json_inf_nan="constants")
        )

    def to_json(self, result: Any) -> str:
        """Return the result as JSON text. Raises ValueError when it fits neither its annotation nor
        JSON."""
        if result is None and self._may_be_none:
            return "null"
        [data] = self._writer.dump_python((result,), mode="json", warnings="error")
        text = json_text(data)
        if (
            result is not None
            and "null" in text
            and any(_hidden([data], self._writer.dump_python((result,), warnings=False)))
        ):
            raise ValueError(
                "Out of range float values are not JSON compliant: NaN or infinity in "
                "a model of the result"
            )
        if result is None and text == "null":
            self._may_be_none = True
        return text


def _hidden(written: Any, meant: Any) -> Iterator[bool]:
    """Tell for each null that was written whether a number was meant:
    models have a configuration of their own."""
    places = [(written, meant)]
    while places:
        written, meant = places.pop()
        if written is None:
            number = meant.value if isinstance(meant, Enum) else meant
            yield isinstance(number, float) and not math.isfinite(number)
        elif (
            isinstance(written, dict) and isinstance(meant, Mapping) and len(written) == len(meant)
        ):
            places += zip(written.values(), meant.values(), strict=True)
        elif isinstance(written, list) and isinstance(meant, _LISTS) and len(written) == len(meant):
            places += zip(written, meant, strict=True)
