"""Files that people upload for their jobs: received piece by piece, kept for a time,
the owner's alone."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from flask_api.jobs.errors import (
    QuotaReached,
    TaskError,
    UploadInUse,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    UploadTooSlow,
)
from flask_api.jobs.files.file_system import VARIABLE
from flask_api.jobs.files.media_type import Inspector
from flask_api.jobs.files.shown_name import shown_name
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.upload_entries import Fields, NoRoom, UploadEntries
from flask_api.jobs.files.upload_pace import FORGOTTEN, UploadPace
from flask_api.jobs.records.job import Owner, format_time
from flask_api.jobs.tasks.input_file import InputFile
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable
from shared.job_ids import new_job_id
from shared.redis import RedisGateway
from shared.settings import ApiSettings, WorkerSettings

log = logging.getLogger("gatehouse.jobs")

# How long until a file is tried again whose storage could not delete it.
UNDELETED_S = 300
_CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One uploaded file. ``name`` is its sender's word and no path;
    ``media_type`` was found out from the content."""

    id: str
    owner_id: str
    name: str
    size: int
    media_type: str
    sha256: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage:
    """One page of a listing. ``cursor`` asks for the next one; None when there is none."""

    uploads: tuple[Upload, ...]
    cursor: str | None


class Uploads:
    """Keeps and gives uploaded files. Thread-safe;
    raises JobStoreUnavailable while Redis is away."""

    def __init__(
        self,
        store: RedisGateway,
        files: FileStore,
        settings: ApiSettings,
        *,
        storage: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``storage``: whose it is, where that may be another than that which took the files."""
        self.entries = UploadEntries(store)
        self._files = files
        self._settings = settings
        # What a server sends has its record: where the content is missing, a worker that was told
        # of another storage, or of none, is likelier than one that was emptied.
        own = "this worker's" if isinstance(settings, WorkerSettings) else storage
        self._absent = f"is not in {own} storage ({VARIABLE})" if own else "is gone"
        self._clock = clock

    def receive(
        self, chunks: Iterable[bytes], *, owner: Owner, name: str, size: int | None = None
    ) -> Upload:
        """Keep what comes, holding one chunk at a time.
        ``size`` is how many bytes it has at most, where that is known.

        Raises UploadTooLarge, UploadTooSlow, UploadQuotaExceeded and what ``chunks`` raises;
        then nothing of it is kept.
        """
        file_id = new_job_id()
        room = self._reserve(file_id, owner, size)
        try:
            inspector = self._write(file_id, owner, chunks, room)
            upload = self._upload(file_id, owner, name, inspector)
            is_kept = self.entries.keep(
                file_id,
                _fields(upload),
                owner_id=owner.id,
                size=upload.size,
                expires_at=upload.expires_at,
            )
            if not is_kept:
                raise UploadTooSlow(FORGOTTEN)
        except BaseException:
            self._remove(file_id)
            raise
        return upload

    def get(self, file_id: str, *, viewer: Owner, sees_all: bool = False) -> Upload:
        """Return a file of the viewer's own, or anyone's if ``sees_all``;
        else raise UploadNotFound."""
        upload = self.find(file_id)
        if (
            upload is None
            or not (sees_all or upload.owner_id == viewer.id)
            or upload.expires_at <= JOBS_CLOCK.moment()
        ):
            raise UploadNotFound("There is no such file; uploaded files expire.")
        return upload

    def find(self, file_id: str) -> Upload | None:
        """Return a file that was received whole, whoever's it is and if it is expired but needed;
        None when there is none."""
        fields = self.entries.find_many([file_id])[0]
        return None if fields is None else _from_fields(file_id, fields)

    def list_of(self, owner: Owner, *, limit: int, cursor: str | None = None) -> UploadPage:
        """Return one page of a person's files, newest first.
        ``cursor`` is the id to go on after."""
        ids = [
            file_id
            for file_id in self.entries.ids_of(owner.id)
            if cursor is None or file_id < cursor
        ]
        page = ids[:limit]
        rows = zip(page, self.entries.find_many(page), strict=True)
        uploads = [_from_fields(file_id, fields) for file_id, fields in rows if fields is not None]
        now = JOBS_CLOCK.moment()
        shown = tuple(upload for upload in uploads if upload.expires_at > now)
        return UploadPage(uploads=shown, cursor=page[-1] if len(ids) > limit else None)

    def open(self, upload: Upload) -> BinaryIO:
        """Open the content for reading; raises UploadNotFound when it was deleted meanwhile."""
        try:
            return self._files.open(_folder(upload.id), _CONTENT)
        except FileNotFoundError:
            raise UploadNotFound("There is no such file; uploaded files expire.") from None

    def delete(self, upload: Upload) -> None:
        """Delete a file now. Raises UploadInUse when a job that has not ended needs it."""
        if not self.entries.drop(upload.id):
            raise UploadInUse(
                "A job that has not ended needs the file: cancel the job, or wait for its end."
            )
        self._remove_content(upload.id)

    def sweep(self, *, limit: int) -> int:
        """Delete files whose time is over and that no unfinished job needs;
        return how many were looked at."""
        now = JOBS_CLOCK.now()
        due = self.entries.due(now, limit=limit)
        for file_id in due:
            try:
                if self.entries.drop(file_id, expired_by=now):
                    self._remove_content(file_id)
            except JobStoreUnavailable:
                raise
            # Each file system has errors of its own. One that can't be deleted must not keep all
            # others.
            except Exception:
                log.exception("an uploaded file can't be deleted; tried again later")
                self.entries.postpone(file_id, now + UNDELETED_S)
        return len(due)

    def as_input(self, upload: Upload) -> InputFile:
        """Return the file as a task gets it."""

        def open_content() -> BinaryIO:
            try:
                return self.open(upload)
            except UploadNotFound:
                raise TaskError(f"The uploaded file {upload.name} {self._absent}.") from None

        return InputFile(
            upload.id,
            name=upload.name,
            size=upload.size,
            media_type=upload.media_type,
            opener=open_content,
            path=self._files.find_path(_folder(upload.id), _CONTENT),
        )

    def _reserve(self, file_id: str, owner: Owner, size: int | None) -> int:
        settings = self._settings
        largest = settings.upload_max_bytes
        room = self.entries.reserve(
            file_id,
            owner_id=owner.id,
            size=None if size is None else min(size, largest),
            largest=largest,
            person_bytes=settings.upload_person_bytes,
            person_files=settings.upload_person_files,
        )
        if room == NoRoom.FILES:
            most = settings.upload_person_files
            message = f"You keep {most} files, as many as you may: delete some."
            raise UploadQuotaExceeded(
                message, quota=QuotaReached(kind="uploads", used=most, limit=most)
            )
        if room == NoRoom.BYTES:
            raise self._too_many_bytes(owner)
        return room

    def _too_many_bytes(self, owner: Owner) -> UploadQuotaExceeded:
        used, limit = self.entries.bytes_of(owner.id), self._settings.upload_person_bytes
        message = (
            f"All your files together may have at most {limit} bytes, and have {used}: delete some."
        )
        return UploadQuotaExceeded(
            message, quota=QuotaReached(kind="upload_bytes", used=used, limit=limit)
        )

    def _write(self, file_id: str, owner: Owner, chunks: Iterable[bytes], room: int) -> Inspector:
        inspector = Inspector()
        pace = UploadPace(self.entries, file_id, owner_id=owner.id, clock=self._clock)
        with self._files.create(_folder(file_id), _CONTENT) as target:
            for chunk in chunks:
                inspector.update(chunk)
                if inspector.size > room:
                    largest = self._settings.upload_max_bytes
                    raise _too_large(largest) if room == largest else self._too_many_bytes(owner)
                pace.require(inspector.size)
                target.write(chunk)
        return inspector

    def _upload(self, file_id: str, owner: Owner, name: str, inspector: Inspector) -> Upload:
        now = JOBS_CLOCK.moment()
        return Upload(
            id=file_id,
            owner_id=owner.id,
            name=shown_name(name),
            size=inspector.size,
            media_type=inspector.media_type(),
            sha256=inspector.sha256,
            created_at=now,
            expires_at=now + timedelta(seconds=self._settings.upload_ttl_s),
        )

    def _remove(self, file_id: str) -> None:
        self.entries.drop(file_id)
        self._remove_content(file_id)

    def _remove_content(self, file_id: str) -> None:
        self._files.delete_all(_folder(file_id))
        self.entries.forget(file_id)


def _too_large(largest: int) -> UploadTooLarge:
    return UploadTooLarge(f"The file is too large: it may have at most {largest} bytes.")


def _folder(file_id: str) -> str:
    return f"uploads/{file_id}"


def _fields(upload: Upload) -> Fields:
    return {
        "owner_id": upload.owner_id,
        "name": upload.name,
        "size": str(upload.size),
        "media_type": upload.media_type,
        "sha256": upload.sha256,
        "created_at": format_time(upload.created_at),
        "expires_at": format_time(upload.expires_at),
    }


def _from_fields(file_id: str, fields: Fields) -> Upload:
    return Upload(
        id=file_id,
        owner_id=fields["owner_id"],
        name=shown_name(fields["name"]),  # it may be older than this rule
        size=int(fields["size"]),
        media_type=fields["media_type"],
        sha256=fields["sha256"],
        created_at=datetime.fromisoformat(fields["created_at"]),
        expires_at=datetime.fromisoformat(fields["expires_at"]),
    )
