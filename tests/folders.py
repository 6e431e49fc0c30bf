"""Which files lie in a folder that a server is still writing and clearing."""

import os
import re
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Return the regular files at any depth; folders that vanish meanwhile hold none
    (``Path.rglob`` raises for them)."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.is_file())


def saved_as(path: Path) -> str:
    """Return the name by which a job saved what is stored here
    (flask_api.jobs.files.storage)."""
    return re.sub(r"^[0-9a-f]{32}-", "", path.name)


def stored_file(folder: Path, name: str) -> Path:
    """Return where the only file lies that a job saved by this name."""
    (found,) = (path for path in files_below(folder) if saved_as(path) == name)
    return found
