"""What Python's JSON parser lets pass and nobody here may: hooks for ``json.loads``."""

import math
from typing import Any, NoReturn

# Python refuses longer ones itself, with advice that is for its programmer.
MAX_DIGITS = 4300


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members (``object_pairs_hook``). Raises ValueError that names one that
    comes twice: which of the two is meant, nobody knows."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {name[:100]!r} comes twice in one object")
    return members


def refuse_constant(word: str) -> NoReturn:
    """Refuse NaN and Infinity (``parse_constant``), which are Python's. Raises ValueError."""
    raise ValueError(f"{word} is not a JSON number")


def whole(text: str) -> int:
    """Return a number without fraction and exponent (``parse_int``). Raises as refuse_long."""
    refuse_long(text)
    return int(text)


def refuse_long(text: str) -> None:
    """Raise ValueError for a number of more than MAX_DIGITS."""
    if len(text) > MAX_DIGITS:
        raise ValueError(
            f"the number {text[:30]}... has {len(text)} digits, at most {MAX_DIGITS} are read"
        )


def finite(text: str) -> float:
    """Return a number with a fraction or exponent (``parse_float``). Raises ValueError for one that
    would become infinite."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:30]} is out of range")
    return number
