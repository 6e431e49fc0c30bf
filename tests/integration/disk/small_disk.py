"""A disk with little room, which a test may fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.permission import is_refusal, missing_command


@contextmanager
def small_disk(folder: Path, *, room_kb: int) -> Iterator[Path]:
    """Have a new folder on a disk of its own. Skips the test where none may be mounted."""
    folder.mkdir()
    if missing := missing_command("mount", "umount"):
        pytest.skip(missing)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room_kb}k", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if is_refusal(done.stderr):
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    assert not done.returncode, done.stderr
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
