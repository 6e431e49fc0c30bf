"""A Future whose call is a job of the service.
All changes of its state are made here, one at a time."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gatehouse.executor.calls import Call
from gatehouse.protocol.outcomes import error_of

_log = logging.getLogger(__name__)


class Stage(Enum):
    """A call's stage on its way to the service."""

    UNSENT = auto()
    WITHDRAWN = auto()  # cancelled before it was sent
    SENT = auto()  # or being sent; durable once it has a place in a batch


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """A job's batch, and its position in it."""

    batch: str
    position: int


class RemoteFuture(Future[Any]):
    """A real concurrent.futures.Future.

    pending -> running -> finished, or pending -> cancelled. It is running from when ``cancel``
    found that the job has begun, and for a moment before it is finished:
    the service does not tell of each of ten thousand jobs that it began.
    """

    def __init__(self, call: Call, ask_to_cancel: Callable[["RemoteFuture"], None]) -> None:
        super().__init__()
        self.call = call
        self.made_at = time.monotonic()
        self.stage = Stage.UNSENT
        self.place: BatchPosition | None = None
        # its result isn't wanted any more: cancel its job as soon as the service can be asked to
        self.is_abandoned = False
        self._ask_to_cancel = ask_to_cancel
        # never held while callbacks run: they may wait for a thread that waits for it
        self._changing = threading.Lock()
        self._is_settled = False

    def cancel(self) -> bool:
        """Cancel the job if it has not begun. Asks the service;
        False when it has begun, or when that can't be found out."""
        if not self.done() and not self.running():
            self._ask_to_cancel(self)
        return self.cancelled()

    def set_cancelled(self, *, job: str = "") -> None:
        """Say that the job will not run, or was stopped."""
        if not self._claim():
            return
        if self.running():
            _end(lambda: self.set_exception(error_of({"id": job, "status": "cancelled"})))
        else:
            _end(super().cancel)
            self.set_running_or_notify_cancel()

    def set_running(self) -> None:
        """Say that the job has begun."""
        with self._changing:
            if not self._is_settled and not self.running():
                self.set_running_or_notify_cancel()

    def settle(self, line: Mapping[str, Any]) -> None:
        """Say how the job ended: a line of a batch's results."""
        if line["status"] == "cancelled":
            self.set_cancelled(job=str(line["id"]))
        elif line["status"] == "succeeded":
            self._finish(lambda: self.set_result(line["result"]))
        else:
            self.fail(error_of(line))

    def fail(self, error: Exception) -> None:
        """Say that there will be no result."""
        self._finish(lambda: self.set_exception(error))

    def _finish(self, finish: Callable[[], None]) -> None:
        self.set_running()
        if self._claim():
            _end(finish)

    def _claim(self) -> bool:
        """Take the right to end this future; True once."""
        with self._changing:
            was_settled, self._is_settled = self._is_settled, True
        return not was_settled


def _end(change: Callable[[], object]) -> None:
    """End a future. A callback that calls sys.exit ends nothing, as in any other thread:
    the other futures need this one."""
    try:
        change()
    except SystemExit:
        _log.exception("a done callback tried to end the process")
