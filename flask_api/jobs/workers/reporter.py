"""An attempt's words on their way to Redis: progress, log lines, files, state.
From a thread of the server or from a child."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from flask_api.jobs.errors import OVER_QUOTA, JobCancelled, QuotaExceeded, StopReason
from flask_api.jobs.files.storage import FileStore, mark_of, size_of, stored_name
from flask_api.jobs.records.events import report_event
from flask_api.jobs.records.job import Attempt, encode_field, shown_file
from flask_api.jobs.records.job_writer import JobWriter, ReportAnswer
from flask_api.jobs.records.states import SavedState, SavedStates
from flask_api.jobs.tasks.context import Progress
from shared.errors import JobStoreUnavailable

log = logging.getLogger("gatehouse.jobs")

_SIGNALS = {
    ReportAnswer.CANCEL_REQUESTED: StopReason.CANCELLED,
    ReportAnswer.LOST: StopReason.LOST,
    ReportAnswer.OVER_QUOTA: StopReason.QUOTA,
}
_FILES_OVER_QUOTA = (
    "Your jobs keep as many bytes of files as they may, and this one does not fit: delete jobs "
    "that keep files."
)


class AttemptReporter:
    """Writes for one attempt; what Redis answers (cancel asked for, job lost)
    is given to ``signal``. Thread-safe."""

    def __init__(
        self,
        attempt: Attempt,
        writer: JobWriter,
        states: SavedStates,
        files: FileStore,
        *,
        signal: Callable[[StopReason], None],
    ) -> None:
        self._attempt = attempt
        self._job_id = attempt.job.job_id
        self._writer = writer
        self._states = states
        self._files = files
        self._signal = signal
        self._lock = threading.Lock()
        # What the record lists, by name. Read when it is needed, as most tasks keep nothing, and
        # again whenever a write did not say that it is so still.
        self._kept: dict[str, dict[str, Any]] | None = None
        self._listed: str | None = None  # the same as it is stored
        # As what that is stored which the record lists no more, or never did. It is deleted once a
        # write has shown that the job was still this attempt's: until then it may be another's.
        # Only a save does: an attempt that is done waits for no storage, what stays goes with the
        # next save or the job.
        self._left: set[str] = set()
        # As what that is stored whose listing had no answer: it may come yet, until the record
        # lists other files than it was to replace.
        self._unsure: set[str] = set()
        self._has_looked = False  # for what earlier attempts left

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Write progress and log lines; an outage loses them, not the attempt."""
        changes = {} if progress is None else {"progress": asdict(progress)}
        try:
            self._heed(self._writer.report(self._attempt, changes=changes, lines=lines))
        except JobStoreUnavailable:
            log.debug("progress not written", extra={"job_id": self._job_id})

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file and list it on the record.
        Raises TaskError, and JobStoreUnavailable when it can't be listed.

        Raises QuotaExceeded when its owner may not keep it, and JobCancelled when the job is
        another's by now: then nothing of the job has changed.
        """
        size = size_of(source)
        with self._lock:
            self._files.check(name, size, self._files_so_far())
            self._look_for_left()
            # Told before it is stored: who dies before listing it must not leave it for ever,
            # nor uncounted.
            self._require(self._note_files(more=size))
            self._discard_left()
            saved = None
            try:
                saved = self._store(name, source, size)
                self._require(self._note_files(saved=saved))
            except BaseException as error:
                self._take_back(saved, is_unsure=isinstance(error, JobStoreUnavailable))
                raise
            self._left |= self._unsure
            self._unsure.clear()
            self._discard_left()

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that the record lists. Raises JobStoreUnavailable."""
        with self._lock:
            for _ in range(2):
                entry = self._files_so_far().get(name)
                if entry is None:
                    return None
                with suppress(FileNotFoundError):
                    return self._files.open(self._job_id, stored_name(entry))
                self._kept = None  # another run of this attempt may have replaced it
            return None

    def save_state(self, state: str) -> None:
        """Write the state, unless the job is another's by now: then ``signal`` hears of it.

        Raises QuotaExceeded when it is more than the owner may keep, and JobStoreUnavailable.
        """
        answer = self._writer.note(self._attempt, {"state": state})
        if answer is ReportAnswer.OVER_QUOTA:
            raise QuotaExceeded(OVER_QUOTA)
        self._heed(answer)

    def load_state(self) -> str | None:
        """Return the state that was saved last. Raises JobStoreUnavailable."""
        return self._checkpoint().state

    def _files_so_far(self) -> dict[str, dict[str, Any]]:
        """Return the entries that the record lists, by name:
        a later attempt goes on with the files of an earlier one."""
        if self._kept is None:
            saved = self._checkpoint()
            self._kept = {file["name"]: file for file in saved.files}
            self._listed = saved.listed
        return self._kept

    def _look_for_left(self) -> None:
        """Find out what earlier attempts stored and did not list, once, and before the write that
        shows whose the job is: afterwards, it may be what another is about to list.
        So may what another run of this attempt stored."""
        kept = _stored(self._files_so_far())
        if self._listed is not None and not self._has_looked:
            mark = mark_of(self._attempt)
            found = self._files.stored(self._job_id) - kept
            self._left |= {each for each in found if not each.startswith(mark)}
        self._has_looked = True

    def _store(self, name: str, source: bytes | str | Path, size: int) -> dict[str, Any]:
        kept, mark = self._files_so_far(), mark_of(self._attempt)
        return self._files.save(self._job_id, name, source, kept=kept, mark=mark, at_most=size)

    def _note_files(self, *, saved: dict[str, Any] | None = None, more: int = 0) -> ReportAnswer:
        """Have the record list what it does and ``saved``, in place of the one of its name, and
        count so many bytes more, which are about to be stored."""
        answer = ReportAnswer.FILES_CHANGED
        while answer is ReportAnswer.FILES_CHANGED:  # by another run of this attempt
            before, listed = self._files_so_far(), self._listed
            kept = before if saved is None else {**before, saved["name"]: saved}
            text = encode_field("files", list(kept.values()))
            self._left |= _stored(before) - _stored(kept)
            self._kept = None  # should the answer be lost, it is listed or not
            answer = self._writer.note(
                self._attempt,
                {"files": text},
                event="" if saved is None else _event(kept),
                file_bytes=_bytes_of(kept) + more,
                replacing=listed or "[]",
            )
        if answer >= 0:
            self._kept, self._listed = kept, text
        return answer

    def _take_back(self, saved: dict[str, Any] | None, *, is_unsure: bool) -> None:
        """Have a save that failed count no more, and what it stored go, unless it is listed.
        Where that had no answer it is listed again: what may come late says the same then.
        Of a job that is gone no folder stays: nobody comes back for it."""
        own = set() if saved is None else {stored_name(saved)}
        (self._unsure if is_unsure else self._left).update(own)
        with suppress(JobStoreUnavailable, OSError):
            answer = self._note_files(saved=saved if is_unsure else None)
            kept = self._files_so_far()
            if answer is ReportAnswer.LOST and self._listed is None:
                self._files.delete_all(self._job_id)
            else:
                self._files.discard(self._job_id, own - _stored(kept))
                self._left -= own
                self._unsure -= own

    def _discard_left(self) -> None:
        """Delete what is left, after a write whose list was the record's."""
        left, self._left = self._left - _stored(self._files_so_far()), set()
        self._files.discard(self._job_id, left)

    def _require(self, answer: ReportAnswer) -> None:
        """Raise for an answer by which a file is not to be kept."""
        if answer is ReportAnswer.OVER_QUOTA:
            raise QuotaExceeded(OVER_QUOTA)
        if answer is ReportAnswer.FILES_OVER_QUOTA:
            raise QuotaExceeded(_FILES_OVER_QUOTA)
        if self._heed(answer) is ReportAnswer.LOST:
            raise JobCancelled(StopReason.LOST)

    def _checkpoint(self) -> SavedState:
        # Asked for at a first attempt too: one that a stopping server handed over is begun as the
        # first again.
        return self._states.get(self._job_id)

    def _heed(self, answer: ReportAnswer) -> ReportAnswer:
        if answer in _SIGNALS:
            self._signal(_SIGNALS[answer])
        return answer


def _event(kept: Mapping[str, dict[str, Any]]) -> str:
    return report_event({"files": [shown_file(entry) for entry in kept.values()]}, ())


def _stored(kept: Mapping[str, dict[str, Any]]) -> set[str]:
    return {stored_name(entry) for entry in kept.values()}


def _bytes_of(kept: Mapping[str, dict[str, Any]]) -> int:
    return sum(int(file["size"]) for file in kept.values())
