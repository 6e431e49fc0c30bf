"""Which files lie in a folder that a server is still writing and clearing."""

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Return the regular files at any depth; folders that vanish meanwhile hold none
    (``Path.rglob`` raises for them)."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.is_file())
