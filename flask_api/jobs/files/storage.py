"""The files of jobs and uploads, stored through fsspec:
a local folder by default, any fsspec URL by setting.

Each job has a folder of its id, each upload one under ``uploads``. Names are checked, so a file can
lie nowhere else; the owner gets it through the API only.

What a job saves is stored under a name that nothing else has, and counts once its record lists it::

    files/<job>/3f9c...e1-report.csv
    [{"name": "report.csv", "size": 11, "media_type": "text/csv",
      "stored_as": "3f9c...e1-report.csv"}]

A storage knows no fence, the record does: a process that was only paused stores what it likes, and
changes no file of the attempt that took over. The first eight digits are the attempt's, so that a
second run of it takes no file for a leftover that the first is about to list. Entries of an older
version say no ``stored_as``: such a file lies under its own name.
"""

import hashlib
import logging
import mimetypes
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from flask_api.jobs.errors import TaskError
from flask_api.jobs.files.file_system import require_file_system
from flask_api.jobs.records.job import Attempt
from shared.settings import ApiSettings, var_dir

log = logging.getLogger("gatehouse.jobs")

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)
_STORED = re.compile(rf"(?:[0-9a-f]{{32}}-)?{_NAME.pattern}", re.ASCII)
_CHUNK = 1 << 20


class FileStore:
    """Keeps and gives files. Thread-safe as far as the file system is. Blocks for its I/O."""

    def __init__(self, settings: ApiSettings) -> None:
        self._url = settings.job_files_url or f"file://{var_dir() / 'files'}"
        require_file_system(self._url)
        self._max_bytes = settings.job_file_max_bytes
        self._max_count = settings.job_files_max

    def save(
        self,
        job_id: str,
        name: str,
        source: bytes | str | Path,
        *,
        kept: Mapping[str, Any],
        mark: str = "",
        at_most: int | None = None,
    ) -> dict[str, Any]:
        """Store a file beside those that there are; return its entry for the record: name, size,
        media type, and as what it is stored, which begins with ``mark``: :func:`mark_of` some.

        ``at_most``: how many bytes it may have, when room for so many was kept.
        Raises TaskError for more.
        """
        self._check_entry(name, kept)
        system, folder = self._folder(job_id)
        _make_folder(system, folder)
        stored_as = f"{mark}{uuid.uuid4().hex[len(mark) :]}-{name}"
        try:
            with _open_new(system, f"{folder}/{stored_as}") as target:
                size = self._copy(
                    source, target, at_most=self._max_bytes if at_most is None else at_most
                )
        except BaseException:
            self.discard(job_id, [stored_as])
            raise
        return {
            "name": name,
            "size": size,
            "media_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "stored_as": stored_as,
        }

    def find_problem(self) -> str:
        """Write an empty file and delete it; return why that can't be, empty if it can."""
        folder = f"check-{uuid.uuid4().hex}"
        try:
            self.create(folder, "probe").close()
            self.delete_all(folder)
        except Exception as error:  # each file system has errors of its own
            return (str(error) or type(error).__name__).splitlines()[0]
        return ""

    def check(self, name: str, size: int, kept: Mapping[str, Any]) -> None:
        """Raise TaskError for a name that is not acceptable,
        and for what is too large or one too many."""
        self._check_entry(name, kept)
        self._check(size)

    def stored(self, job_id: str) -> set[str]:
        """Return as what the job's files are stored, those that no record lists too."""
        system, folder = self._folder(job_id)
        try:
            paths = system.ls(folder, detail=False)
        except FileNotFoundError:
            return set()
        finally:
            # Some keep what they were told, and would say of what another process stores next that
            # it is not there.
            system.invalidate_cache(folder)
        return {str(path).rpartition("/")[2] for path in paths} - {""}

    def discard(self, job_id: str, stored: Iterable[str]) -> None:
        """Delete what no record lists. What can't be deleted now goes with the job."""
        system, folder = self._folder(job_id)
        for each in stored:
            try:
                system.rm(f"{folder}/{each}")
            except FileNotFoundError:
                pass
            except Exception:  # each file system has errors of its own
                log.warning(
                    "a file that no job has is left", extra={"job_id": job_id}, exc_info=True
                )

    def _check_entry(self, name: str, kept: Mapping[str, Any]) -> None:
        if _NAME.fullmatch(name) is None:
            raise TaskError(
                "File names: 1 to 100 letters, digits, '.', '_' and '-', not beginning with '.'."
            )
        if name not in kept and len(kept) >= self._max_count:
            raise TaskError(f"A job keeps at most {self._max_count} files.")

    def create(self, folder: str, name: str) -> BinaryIO:
        """Open a new file for writing, in a folder that is the caller's own;
        both names must be the service's."""
        system, path = self._folder(folder)
        _make_folder(system, path)
        return _open_new(system, f"{path}/{name}")

    def find_path(self, folder: str, name: str) -> Path | None:
        """Return where a file lies on this machine, None when the storage is no local folder."""
        system, path = self._folder(folder)
        return Path(f"{path}/{name}") if isinstance(system, LocalFileSystem) else None

    def open(self, folder: str, stored_as: str) -> BinaryIO:
        """Open a file for reading; raises FileNotFoundError."""
        system, path = self._folder(folder)
        if _STORED.fullmatch(stored_as) is None:
            raise FileNotFoundError(stored_as)
        return cast(BinaryIO, system.open(f"{path}/{stored_as}", "rb"))

    def delete_all(self, job_id: str) -> None:
        """Delete all files of a job; there may be none."""
        system, folder = self._folder(job_id)
        with suppress(FileNotFoundError):  # another process may be about it
            if system.exists(folder):
                system.rm(folder, recursive=True)

    def _folder(self, job_id: str) -> tuple[Any, str]:
        system, root = fsspec.core.url_to_fs(self._url)
        return system, f"{root}/{job_id}"

    def _copy(self, source: bytes | str | Path, target: BinaryIO, *, at_most: int) -> int:
        if not isinstance(source, Path):
            data = source.encode() if isinstance(source, str) else source
            self._check(len(data))
            target.write(data)
            return len(data)
        size = 0
        with source.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                size += len(chunk)
                self._check(size)
                if size > at_most:
                    raise TaskError("The file grew while it was saved.")
                target.write(chunk)
        return size

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise TaskError(f"A file of a job has at most {self._max_bytes} bytes.")


def stored_name(entry: Mapping[str, Any]) -> str:
    """Return as what a file of a record is stored."""
    return str(entry.get("stored_as", entry["name"]))


def mark_of(attempt: Attempt) -> str:
    """Return how the names begin by which an attempt stores its files: runs of it share this."""
    text = f"{attempt.instance}:{attempt.number}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def size_of(source: bytes | str | Path) -> int:
    """Return how many bytes a file will have."""
    if isinstance(source, Path):
        return source.stat().st_size
    return len(source.encode() if isinstance(source, str) else source)


def _make_folder(system: Any, folder: str) -> None:
    """Make a folder, and those above it that are not there:
    on this machine for nobody else, whatever the umask is."""
    if not isinstance(system, LocalFileSystem):
        system.makedirs(folder, exist_ok=True)
        return
    missing = [each for each in (Path(folder), *Path(folder).parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _open_new(system: Any, path: str) -> BinaryIO:
    if not isinstance(system, LocalFileSystem):
        return cast(BinaryIO, system.open(path, "wb"))
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))
