"""Folders and files that only the person who starts Gatehouse can read."""

import os
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Create the folder, for this person only; an existing one is made so."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def replace_private(file: Path, text: str) -> None:
    """Replace ``file`` as a whole; it is readable by this person only from its first byte on."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(text)
    new.replace(file)
