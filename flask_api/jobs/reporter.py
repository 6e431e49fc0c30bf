"""An attempt's words on their way to Redis: progress, log lines, files, state. From a thread of the server or from a child."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from flask_api.jobs.checkpoints import Checkpoint, Checkpoints
from flask_api.jobs.context import Progress
from flask_api.jobs.errors import JobCancelled, StopReason
from flask_api.jobs.files import FileStore
from flask_api.jobs.ledger import Ledger
from flask_api.jobs.record import Launch
from shared.errors import JobStoreUnavailable

log = logging.getLogger("gatehouse.jobs")

_LOST = -1
_SIGNALS = {1: StopReason.CANCELLED, _LOST: StopReason.LOST}


class LedgerReporter:
    """Writes for one attempt; what Redis answers (cancel asked for, job lost) is given to ``signal``. Thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        launch: Launch,
        *,
        instance: str,
        attempt: int,
        files: FileStore,
        checkpoints: Checkpoints,
        signal: Callable[[StopReason], None],
    ) -> None:
        self._ledger = ledger
        self._launch = launch
        self._instance = instance
        self._attempt = attempt
        self._files = files
        self._checkpoints = checkpoints
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, Any]] | None = None  # read when it is first needed: most tasks keep nothing
        self._signal = signal

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Write progress and log lines; an outage loses them, not the attempt."""
        changes = {} if progress is None else {"progress": asdict(progress)}
        try:
            self._write(changes, lines)
        except JobStoreUnavailable:
            log.debug("progress not written", extra={"job_id": self._launch.job_id})

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file and list it on the record. Raises TaskError, and JobStoreUnavailable when it can't be listed.

        Raises JobCancelled when the job is another's by now: the file of this name may be another's too.
        """
        with self._lock:
            kept = self._files_so_far()
            # Told before the first one is stored, too: who dies before listing it must not leave it for ever.
            if (self._write({}, ()) if kept else self._expect_files()) == _LOST:
                raise JobCancelled(StopReason.LOST)
            kept[name] = self._files.save(self._launch.job_id, name, source, kept=kept)
            self._write({"files": list(kept.values())}, ())

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that the record lists. Raises JobStoreUnavailable."""
        with self._lock:
            if name not in self._files_so_far():
                return None
        try:
            return self._files.open(self._launch.job_id, name)
        except FileNotFoundError:
            return None

    def save_state(self, state: str) -> None:
        """Write the state, unless the job is another's by now: then ``signal`` hears of it. Raises JobStoreUnavailable."""
        self._heed(self._checkpoints.save_state(self._launch, state, instance=self._instance, attempt=self._attempt))

    def load_state(self) -> str | None:
        """Return the state that was saved last. Raises JobStoreUnavailable."""
        return self._checkpoint().state

    def _files_so_far(self) -> dict[str, dict[str, Any]]:
        """Return the entries that the record lists, by name: a later attempt goes on with the files of an earlier one."""
        if self._kept is None:
            self._kept = {file["name"]: file for file in self._checkpoint().files}
        return self._kept

    def _expect_files(self) -> int:
        return self._heed(self._checkpoints.expect_files(self._launch, instance=self._instance, attempt=self._attempt))

    def _checkpoint(self) -> Checkpoint:
        # Asked for at a first attempt too: one that a stopping server handed over is begun as the first again.
        return self._checkpoints.get(self._launch.job_id)

    def _write(self, changes: dict[str, Any], lines: Sequence[str]) -> int:
        answer = self._ledger.report(self._launch, instance=self._instance, attempt=self._attempt, changes=changes, lines=lines)
        return self._heed(answer)

    def _heed(self, answer: int) -> int:
        if answer in _SIGNALS:
            self._signal(_SIGNALS[answer])
        return answer
