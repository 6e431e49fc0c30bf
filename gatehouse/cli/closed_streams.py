"""Standard streams that who started us has closed (``<&-``, ``>&-``): Python has None for them."""

import os
import sys
from io import TextIOWrapper
from typing import Literal


def stand_in_for_closed() -> None:
    """Put a stream in the place of each that is closed: stdin is empty then, what is said to a
    person goes nowhere, and data can't be written, which is not to be missed.

    Else the next file or connection would be the standard output: it gets the lowest number.
    """
    if sys.stdin is None:
        sys.stdin = _null("r", os.O_RDONLY)
    if sys.stdout is None:  # for reading only: a write fails with EBADF, as it would have
        sys.stdout = _null("w", os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _null("w", os.O_WRONLY)


def _null(mode: Literal["r", "w"], access: int) -> TextIOWrapper:
    # Not closed by us, as Python's own are not.
    return open(os.open(os.devnull, access), mode, encoding="utf-8", closefd=False)
