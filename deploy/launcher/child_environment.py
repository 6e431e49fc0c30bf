"""What the launcher's children are told. They run in our own folder, so that no file of the folder
of the start hides one of ours; what is relative to that folder is made whole before."""

import os
from pathlib import Path

from shared.environment import START_DIR, is_installed
from shared.settings import ServerSettings


def child_environment(settings: ServerSettings, var: Path) -> dict[str, str]:
    """Return the environment of every child: the same var folder and address for all."""
    told = {
        **os.environ,
        "GATEHOUSE_HOST": settings.host,
        "GATEHOUSE_PORT": str(settings.port),
        "GATEHOUSE_VAR_DIR": str(var),
    }
    if is_installed():
        told[START_DIR] = str(Path.cwd())
    if path := _module_path():
        told["PYTHONPATH"] = path
    return told


def _module_path() -> str:
    """Return PYTHONPATH for another working folder. The folder of the start is not put there, it
    would stand before Python's own modules: those who look for tasks look there last."""
    named = os.environ.get("PYTHONPATH", "")
    entries = named.split(os.pathsep) if named else []
    # an empty entry is the working folder, too
    return os.pathsep.join(dict.fromkeys(str(Path(entry).absolute()) for entry in entries))
