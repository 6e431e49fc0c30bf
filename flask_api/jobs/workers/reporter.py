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
from flask_api.jobs.files.storage import FileStore, size_of, stored_name
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
        # read when it is first needed: most tasks keep nothing
        self._kept: dict[str, dict[str, Any]] | None = None
        # As what that is stored which the record lists no more, or never did. It is deleted once a
        # write has shown that the job was still this attempt's: until then it may be another's.
        # Only a save does: an attempt that is done waits for no storage, what stays goes with the
        # next save or the job.
        self._left: set[str] = set()
        self._may_have_left = False  # by an attempt before this one

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
            kept = self._files_so_far()
            self._files.check(name, size, kept)
            self._look_for_left()
            # Told before it is stored: who dies before listing it must not leave it for ever,
            # nor uncounted.
            self._require(self._note_files(more=size))
            self._discard_left()
            try:
                saved = self._files.save(self._job_id, name, source, kept=kept, at_most=size)
                self._list(saved)
            except BaseException:
                self._take_back()
                raise

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that the record lists. Raises JobStoreUnavailable."""
        with self._lock:
            entry = self._files_so_far().get(name)
            if entry is None:
                return None
            try:
                return self._files.open(self._job_id, stored_name(entry))
            except FileNotFoundError:
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
            self._may_have_left = saved.has_list
        return self._kept

    def _look_for_left(self) -> None:
        """Find out what earlier attempts stored and did not list, once, and before the write that
        shows whose the job is: afterwards, it may be what another is about to list."""
        if self._may_have_left:
            kept = {stored_name(file) for file in self._files_so_far().values()}
            self._left |= self._files.stored(self._job_id) - kept
            self._may_have_left = False

    def _note_files(self, *, more: int = 0, event: str = "") -> ReportAnswer:
        """Write which files are kept, and that so many bytes more are about to be stored."""
        kept = self._files_so_far()
        fields = {"files": encode_field("files", list(kept.values()))}
        file_bytes = _bytes_of(kept) + more
        return self._writer.note(self._attempt, fields, event=event, file_bytes=file_bytes)

    def _list(self, saved: dict[str, Any]) -> None:
        """Have the record list a file that is stored, in place of the one of its name."""
        before, name = self._files_so_far(), saved["name"]
        # Set before it is written: should the answer be lost, it may be listed, and both stay.
        kept = self._kept = {**before, name: saved}
        self._left = {stored_name(before[name])} if name in before else set()
        event = report_event({"files": [shown_file(entry) for entry in kept.values()]}, ())
        answer = self._note_files(event=event)
        if answer < 0:
            self._kept, self._left = before, {stored_name(saved)}
        self._discard_left()
        self._require(answer)

    def _take_back(self) -> None:
        """Have a save that failed count no more. Of a job that is gone no folder stays:
        nobody comes back for it."""
        with suppress(JobStoreUnavailable, OSError):
            answer = self._note_files()
            if answer is ReportAnswer.LOST and not self._checkpoint().has_list:
                self._files.delete_all(self._job_id)

    def _discard_left(self) -> None:
        self._files.discard(self._job_id, self._left)
        self._left = set()

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


def _bytes_of(kept: Mapping[str, dict[str, Any]]) -> int:
    return sum(int(file["size"]) for file in kept.values())
