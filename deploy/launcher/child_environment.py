"""What the launcher's children are told. They run in our own folder, so that no file of the folder
of the start hides one of ours; what is relative to that folder is made whole before."""

import os
from pathlib import Path

from shared.environment import is_installed
from shared.settings import ServerSettings


def child_environment(settings: ServerSettings, var: Path) -> dict[str, str]:
    """Return the environment of every child: the same var folder and address for all."""
    told = {
        **os.environ,
        "GATEHOUSE_HOST": settings.host,
        "GATEHOUSE_PORT": str(settings.port),
        "GATEHOUSE_VAR_DIR": str(var),
    }
    if path := _module_path():
        told["PYTHONPATH"] = path
    return told


def _module_path() -> str:
    """Return PYTHONPATH for another working folder.
    The folder of the start is on it where Gatehouse is installed: its tasks lie there."""
    named = os.environ.get("PYTHONPATH", "")
    entries = named.split(os.pathsep) if named else []
    if is_installed():
        entries.append(os.curdir)
    # an empty entry is the working folder, too
    return os.pathsep.join(dict.fromkeys(str(Path(entry).absolute()) for entry in entries))
