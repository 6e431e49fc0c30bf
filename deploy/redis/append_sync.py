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
be written is gone: nothing may be acknowledged on top of that.
"""

import fcntl
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

DISK_FAILED = 3  # the exit code
_EVERY_S = 1.0


class AppendSync:
    """Syncs the files of a folder. They stay open: an error is told to those who had the file open
    when it came up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[tuple[str, int], int] = {}  # by name and inode
        self._synced: dict[tuple[str, int], tuple[int, int]] = {}

    def sync(self) -> list[str]:
        """Put onto the disk what changed since the last time; return the files' names.
        Raises OSError when the disk fails."""
        before, self._synced = self._synced, {}
        changed: list[str] = []
        # no folder yet, or a file that was rewritten just now
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                about = entry.stat()
                file = entry.name, about.st_ino
                mark = (about.st_size, about.st_mtime_ns)  # before: what comes meanwhile is newer
                if file not in self._open:
                    self._open[file] = os.open(entry.path, os.O_RDONLY | os.O_NONBLOCK)
                if before.get(file) != mark:
                    _put_onto_the_disk(self._open[file])
                    changed.append(entry.name)
                self._synced[file] = mark
        for file in self._open.keys() - self._synced.keys():
            os.close(self._open.pop(file))
        return changed


def _put_onto_the_disk(file: int) -> None:
    if sys.platform == "darwin":  # its fsync leaves it in the disk's own memory
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)


class _Server:
    """The server's process. Linux keeps a handle: its number may be another's once it has ended."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._handle = os.pidfd_open(pid) if sys.platform == "linux" else None

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

    def end(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            if self._handle is not None and sys.platform == "linux":
                signal.pidfd_send_signal(self._handle, signal.SIGTERM)
            else:
                os.kill(self._pid, signal.SIGTERM)


def main(folder: str, pid: str) -> int:
    """Sync until the server has ended; return DISK_FAILED when the disk failed."""
    try:
        server = _Server(int(pid))
    except ProcessLookupError:
        return 0
    files = AppendSync(Path(folder))
    while not server.has_ended(within_s=_EVERY_S):
        try:
            files.sync()
        except OSError as error:
            print(f"the disk under {folder} fails ({error}): Valkey is ended", file=sys.stderr)
            server.end()
            return DISK_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
