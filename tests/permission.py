"""Whether a test may be skipped: a command or a permission is missing here, and nothing else is wrong.

Whatever else goes wrong fails the test: a skip would hide it for ever.
"""

import shutil

_REFUSALS = ("operation not permitted", "permission denied", "must be superuser")


def missing_command(*names: str) -> str:
    """Return which of these commands is not installed, in words; empty when all are."""
    missing = [name for name in names if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def is_refusal(message: str) -> bool:
    """Tell whether what the system said, in English, is that one may not."""
    return any(each in message.lower() for each in _REFUSALS)
