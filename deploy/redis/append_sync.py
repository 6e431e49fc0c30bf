"""Puts what a Valkey server has appended onto the disk, once a second: in place of the server.

With ``appendfsync everysec`` a server that waits for the disk answers before it has written: for up
to two seconds. Killed then, it has lost what it acknowledged; with a disk that took 1.5 s it was
half of 24,000 writes. With ``appendfsync no`` it writes before each answer, so that whatever
happens to the server, what was acknowledged outlives it. What outlives the machine is what this
has put onto the disk.

A program of its own, with nothing but the standard library, which lives as long as the server does,
whoever started them:

    python -I -S append_sync.py FOLDER PID

A disk that fails ends the server. It says so once, and then as if all was well, though what was to
be written is gone: nothing may be acknowledged on top of that. So the server is killed, before
anything is said: a kill loses nothing that it has handed to the system, while one that is asked to
end acknowledges for another tenth of a second, waits for that very disk, and refuses where it is
configured to save first. The exit code is the number of what the disk said, as it may take no word.
"""

import errno
import fcntl
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_EVERY_S = 1.0
_STDERR = 2
_File = tuple[str, int]  # its name and inode


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


# What says that the disk has failed, whatever it was asked. All else is tried again a second later:
# no right to read, no room for open files.
_FAILED = _numbers(
    "EIO", "ENXIO", "ENODEV", "ENOSPC", "EDQUOT", "EROFS", "ESTALE", "EUCLEAN", "EREMOTEIO"
)
# Of a file that should go onto the disk any other error says so, too: drivers have many (ENODATA,
# ETIMEDOUT, ENOLINK). These are said by a file system that has no such thing, each time.
_NEVER_SYNCS = _numbers("EINVAL", "ENOSYS", "ENOTSUP", "ENOTTY")


class DiskFailedError(Exception):
    """What was written may not be on the disk. ``number``: what the system said."""

    def __init__(self, error: OSError, path: str) -> None:
        super().__init__(f"{path}: {error.strerror}")
        self.number = error.errno or errno.EIO


class AppendSync:
    """Syncs the files of a folder. They stay open: an error is told to those who had the file open
    when it came up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[_File, int] = {}
        self._synced: dict[_File, tuple[int, int]] = {}

    def sync(self) -> list[str]:
        """Put onto the disk what changed since the last time; return the files' names.
        Raises DiskFailedError, and OSError for what else is wrong with the folder."""
        try:
            return self._sync_all()
        except OSError as error:
            if error.errno in _FAILED:
                raise DiskFailedError(error, str(self._folder)) from error
            raise

    def _sync_all(self) -> list[str]:
        changed: list[str] = []
        seen: set[_File] = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                # Valkey's files only; one may have been rewritten just now
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        seen.add(file := (entry.name, entry.inode()))
                        changed += [entry.name] if self._sync_one(file, entry.path) else []
        for file in self._open.keys() - seen:
            os.close(self._open.pop(file))
            self._synced.pop(file, None)
        return changed

    def _sync_one(self, file: _File, path: str) -> bool:
        if file not in self._open:
            self._open[file] = os.open(path, os.O_RDONLY)
        about = os.fstat(self._open[file])
        mark = (about.st_size, about.st_mtime_ns)  # before: what comes meanwhile is newer
        if self._synced.get(file) == mark:
            return False
        try:
            _put_onto_the_disk(self._open[file])
        except OSError as error:
            if error.errno in _NEVER_SYNCS:
                raise
            raise DiskFailedError(error, path) from error
        self._synced[file] = mark
        return True


def _put_onto_the_disk(file: int) -> None:
    if sys.platform == "darwin":
        try:
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # fsync leaves it in the disk's own memory
        except OSError as error:
            if error.errno not in _NEVER_SYNCS:
                raise
            os.fsync(file)
    else:
        os.fdatasync(file)


class _Server:
    """The server's process. Linux keeps a handle: its number may be another's once it has ended."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._handle: int | None = None
        with suppress(AttributeError, OSError):  # an old kernel, or one that doesn't let us
            self._handle = os.pidfd_open(pid)

    def has_ended(self, *, within_s: float) -> bool:
        """Wait for its end, for so long at most."""
        if self._handle is not None:
            return bool(select.select([self._handle], [], [], within_s)[0])
        time.sleep(within_s)
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            else:
                os.kill(self._pid, signal.SIGKILL)


def main(folder: str, pid: str) -> int:
    """Sync until the server has ended; return 0, or what the disk said when it failed."""
    server, files, said = _Server(int(pid)), AppendSync(Path(folder)), ""
    has_ended = False
    while not has_ended:
        has_ended = server.has_ended(within_s=_EVERY_S)
        try:
            files.sync()  # once more when it has ended
            problem = ""
        except DiskFailedError as error:
            server.kill()  # first: to speak may fail, or take as long as the disk does
            _say(f"the disk fails ({error}): Valkey is ended")
            return error.number
        except OSError as error:
            problem = f"not put onto the disk, tried again each second: {error}"
        if problem not in ("", said):
            _say(problem)
        said = problem
    return 0


def _say(line: str) -> None:
    """Say it, if somebody can hear it: the log is on the disk that may have failed. Past Python's
    buffer, which would be written again at the end and change the exit code."""
    with suppress(OSError):
        os.write(_STDERR, f"{line}\n".encode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
