"""A path as a log may have it: some hold what opens something for whoever reads them, such as a
link that resets a password, an invitation or a share."""

import re

from shared.contract.entries import digest

# A part of a path that may be a secret, such as a share's token; an id is shorter.
_SECRET = re.compile(r"[A-Za-z0-9_=-]{40,}")


def logged_path(path: str) -> str:
    """Return ``path`` with the first 16 hex digits of their SHA-256 in the place of its secrets.
    Linear."""
    return _SECRET.sub(lambda found: digest(found[0])[:16], path)
