"""Fields of a Redis hash as a script takes them."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any


def flat(fields: Mapping[str, Any]) -> Iterable[Any]:
    """Return names and values in turn."""
    return chain.from_iterable(fields.items())
