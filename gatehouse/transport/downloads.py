"""The target of a download: a file that has its name only once it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

_MOST_LINKS = 40  # as the system follows


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
            self._stream: Path | int | None = None
            return
        self.path, self._file = path, Path(os.path.realpath(path))
        self._stream = _find_descriptor(path)
        if self._stream is None and path.exists() and not path.is_file():  # a pipe, a device
            self._stream = path

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open a file beside it, which takes its place at the end,
        or is removed when anything is raised. A pipe, a device, or what this process has open
        (``/dev/stdout``) is written to as it is."""
        if self._stream is not None:
            stream = self._stream if isinstance(self._stream, Path) else os.dup(self._stream)
            with open(stream, "wb") as opened:
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


def _find_descriptor(path: Path) -> int | None:
    """Return the descriptor that a path such as ``/dev/stdout`` or ``/dev/fd/3`` stands for, also
    through links. To replace its file, or to open it anew, would lose what was written to it."""
    own = os.path.realpath("/dev/fd")
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) == own:
            return int(path.name) if path.exists() else None
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _umask() -> int:
    """Return what new files of this process may not have. Asking the system for it changes it for
    a moment, in which another thread's file would have this one's: so /proc, where there is one."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
