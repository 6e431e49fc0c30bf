"""What a request changed in a session's data,
to be repeated on what another request wrote meanwhile.

Stock Django writes back all that it read, and so undoes the other's change. Here a key is written
only by who changed it; where two changed one key, the last one counts.
"""

import json
from collections.abc import Mapping
from typing import Any


def merged(
    before: Mapping[str, Any], after: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``other`` with what was changed from ``before`` to ``after``.
    Raises TypeError for data that is not JSON."""
    result = {key: value for key, value in other.items() if key in after or key not in before}
    changed = {
        key: value
        for key, value in after.items()
        if key not in before or not _is_same(before[key], value)
    }
    return {**result, **changed}


def _is_same(one: Any, another: Any) -> bool:
    # As they are stored: to Python 1, 1.0 and True are equal.
    return json.dumps(one) == json.dumps(another)
