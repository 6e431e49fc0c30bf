"""An attempt's words on their way to Redis: progress, log lines, files. From a thread of the server or from a child."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask_api.jobs.context import Progress
from flask_api.jobs.errors import StopReason
from flask_api.jobs.files import FileStore
from flask_api.jobs.ledger import Claim, Ledger
from shared.errors import JobStoreUnavailable

log = logging.getLogger("gatehouse.jobs")

_SIGNALS = {1: StopReason.CANCELLED, -1: StopReason.LOST}


class LedgerReporter:
    """Writes for one attempt; what Redis answers (cancel asked for, job lost) is given to ``signal``. Thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        *,
        instance: str,
        attempt: int,
        files: FileStore,
        signal: Callable[[StopReason], None],
    ) -> None:
        self._ledger = ledger
        self._claim = claim
        self._instance = instance
        self._attempt = attempt
        self._files = files
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, Any]] = {}  # a later attempt begins anew
        self._signal = signal

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Write progress and log lines; an outage loses them, not the attempt."""
        changes = {} if progress is None else {"progress": asdict(progress)}
        try:
            self._write(changes, lines)
        except JobStoreUnavailable:
            log.debug("progress not written", extra={"job_id": self._claim.job_id})

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file and list it on the record. Raises TaskError, and JobStoreUnavailable when it can't be listed."""
        with self._lock:
            self._kept[name] = self._files.save(self._claim.job_id, name, source, kept=self._kept)
            self._write({"files": list(self._kept.values())}, ())

    def _write(self, changes: dict[str, Any], lines: Sequence[str]) -> None:
        answer = self._ledger.report(self._claim, instance=self._instance, attempt=self._attempt, changes=changes, lines=lines)
        if answer in _SIGNALS:
            self._signal(_SIGNALS[answer])
