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
from flask_api.jobs.files.storage import FileStore, size_of
from flask_api.jobs.records.job import Attempt, encode_field
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

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Write progress and log lines; an outage loses them, not the attempt."""
        changes = {} if progress is None else {"progress": asdict(progress)}
        try:
            self._heed(self._write(changes, lines))
        except JobStoreUnavailable:
            log.debug("progress not written", extra={"job_id": self._job_id})

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file and list it on the record.
        Raises TaskError, and JobStoreUnavailable when it can't be listed.

        Raises QuotaExceeded when its owner may not keep it, and JobCancelled when the job is
        another's by now: the file of this name may be another's too.
        """
        size = size_of(source)
        with self._lock:
            kept = self._files_so_far()
            self._files.check(name, size, kept)
            # Told before it is stored: who dies before listing it must not leave it for ever,
            # nor uncounted.
            self._require(self._expect_files(kept, more=size))
            try:
                saved = self._files.save(self._job_id, name, source, kept=kept, at_most=size)
            except BaseException:
                with suppress(JobStoreUnavailable):
                    self._expect_files(kept)
                raise
            kept[name] = saved
            self._require(
                self._write({"files": list(kept.values())}, (), file_bytes=_bytes_of(kept))
            )

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that the record lists. Raises JobStoreUnavailable."""
        with self._lock:
            if name not in self._files_so_far():
                return None
        try:
            return self._files.open(self._job_id, name)
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
            self._kept = {file["name"]: file for file in self._checkpoint().files}
            if self._attempt.number > 1:
                self._files.discard_partial(self._job_id)
        return self._kept

    def _expect_files(self, kept: Mapping[str, dict[str, Any]], *, more: int = 0) -> ReportAnswer:
        """Note that a file is about to be stored, for who deletes them at the job's end."""
        fields = {"files": encode_field("files", list(kept.values()))}
        return self._writer.note(self._attempt, fields, file_bytes=_bytes_of(kept) + more)

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

    def _write(
        self, changes: dict[str, Any], lines: Sequence[str], *, file_bytes: int | None = None
    ) -> ReportAnswer:
        return self._writer.report(
            self._attempt, changes=changes, lines=lines, file_bytes=file_bytes
        )

    def _heed(self, answer: ReportAnswer) -> ReportAnswer:
        if answer in _SIGNALS:
            self._signal(_SIGNALS[answer])
        return answer


def _bytes_of(kept: Mapping[str, dict[str, Any]]) -> int:
    return sum(int(file["size"]) for file in kept.values())
