"""A call that is to be a job: a task's name and arguments, as JSON from the moment of the call.

So a list that the caller changes afterwards is still sent as it was,
and what JSON can't hold is refused at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``positional`` and ``named`` are JSON texts."""

    task: str
    positional: tuple[str, ...]
    named: Mapping[str, str]

    @classmethod
    def of(cls, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "Call":
        """Return the call. Raises TypeError or ValueError that names the argument that can't
        be JSON."""
        positional = tuple(
            _text(f"number {number}", value) for number, value in enumerate(args, start=1)
        )
        return cls(task, positional, {name: _text(name, value) for name, value in kwargs.items()})

    @property
    def size(self) -> int:
        """About how many bytes it takes in a request."""
        return (
            20
            + sum(map(len, self.positional))
            + sum(len(name) + len(text) for name, text in self.named.items())
        )

    def arguments(self, parameters: Sequence[str]) -> str:
        """Return the arguments as a JSON object,
        those without a name in the order of ``parameters``.

        Raises TypeError, as a call in Python does, for too many and for one that is given twice.
        """
        if len(self.positional) > len(parameters):
            takes = f"takes {len(parameters)} arguments ({', '.join(parameters) or 'none'})"
            raise TypeError(
                f"{self.task} {takes}, {len(self.positional)} were given without a name"
            )
        texts = dict(zip(parameters, self.positional, strict=False))
        twice = texts.keys() & self.named.keys()
        if twice:
            raise TypeError(
                f"{self.task} was given {', '.join(sorted(twice))} twice: with and without the name"
            )
        return (
            "{"
            + ",".join(
                f"{json.dumps(name)}:{text}" for name, text in {**texts, **self.named}.items()
            )
            + "}"
        )


def _text(which: str, value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"argument {which} can't be sent: {error}; it must be a JSON value") from error
