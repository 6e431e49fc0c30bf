"""Puts what a server has appended onto the disk, once a second: in place of the server.

With ``appendfsync everysec`` a server that waits for the disk answers before it has written: for up
to two seconds. Killed then, it has lost what it acknowledged; with a disk that took 1.5 s it was
half of 24,000 writes. With ``appendfsync no`` it writes before each answer, so that whatever
happens to the server, what was acknowledged outlives it. What outlives the machine is what this
has put onto the disk.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

_EVERY_S = 1.0
_JOIN_S = 2.0  # a disk that hangs must not hold up a stop: it is a daemon


class AppendSync:
    """Syncs the files of a folder in a thread of its own. ``start`` and ``stop`` are idempotent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._synced: dict[str, tuple[int, int]] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="append-sync", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
            self._thread = None

    def sync(self) -> list[str]:
        """Put onto the disk what changed since the last time; return the files' names."""
        before, self._synced = self._synced, {}
        # no folder yet, or a file that was rewritten just now
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                about = entry.stat()
                mark = (about.st_size, about.st_mtime_ns)  # before: what comes meanwhile is newer
                if before.get(entry.name) != mark:
                    _sync_file(entry.path)
                self._synced[entry.name] = mark
        return [name for name, mark in self._synced.items() if before.get(name) != mark]

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            with suppress(OSError):  # a disk that fails stops the server's writes, which tells more
                self.sync()


def _sync_file(path: str) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(file)
    finally:
        os.close(file)
