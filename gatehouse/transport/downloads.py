"""The target of a download: a file that has its name only once it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO


class Target:
    """A file that is about to be written. ``to`` is its path, or a folder that it is put into
    under its own name. A link at that path leads to the file; one in the folder is replaced."""

    def __init__(self, to: str | PathLike[str], *, name: str) -> None:
        path = Path(to)
        if path.is_dir():
            # a name that the service sends must never choose a path here
            if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
                raise ValueError(
                    f"{name!r} isn't a valid file name here: give the path of the file itself"
                )
            self.path = self._file = path / name
            self._is_stream = False
            return
        self.path, self._file = path, Path(os.path.realpath(path))
        self._is_stream = path.exists() and not path.is_file()  # a pipe, a device

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open a file beside it, which takes its place at the end,
        or is removed when anything is raised. A pipe or a device is written to as it is."""
        if self._is_stream:
            with self.path.open("wb") as opened:
                yield opened
            return
        file = self._file
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:50]}-")
        try:
            with os.fdopen(handle, "wb") as opened:
                yield opened
            os.chmod(beside, 0o666 & ~_umask())  # as any new file of this person
            Path(beside).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(beside).unlink()
            raise


def _umask() -> int:
    """Return what new files of this process may not have. Asking the system for it changes it for
    a moment, in which another thread's file would have this one's: so /proc, where there is one."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
