"""A context of a running task, without Redis."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from flask_api.jobs.errors import StopReason
from flask_api.jobs.tasks.context import JobContext, Progress
from flask_api.testing import FakeClock
from shared.errors import JobStoreUnavailable
from shared.settings import ApiSettings


class Bench:
    """A context on a clock of the test's own, with what it reported."""

    def __init__(self, *, timeout_s: float | None = None) -> None:
        self.clock = FakeClock()
        self.stop: StopReason | None = None
        self.reported: list[Progress] = []
        self.writes: list[list[dict[str, Any]]] = []
        self.files: dict[str, bytes | str | Path] = {}
        self.states: list[str] = []
        self.outage_step_s = 0.0  # so long does a write in vain take; 0: Redis is there
        self.context = JobContext(
            job_id="1",
            attempt=1,
            settings=ApiSettings.model_construct(),
            reporter=self,
            must_stop=lambda: self.stop,
            timeout_s=timeout_s,
            clock=self.clock,
        )

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Take what a reporter is given."""
        if progress is not None:
            self.reported.append(progress)
        self.writes.append([json.loads(line) for line in lines])

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Take a file."""
        self.files[name] = source

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that was taken."""
        return BytesIO(str(self.files[name]).encode()) if name in self.files else None

    def save_state(self, state: str) -> None:
        """Take the state, unless Redis is away."""
        self.clock.advance(self.outage_step_s)
        if self.outage_step_s:
            raise JobStoreUnavailable("Redis does not answer; try again shortly.")
        self.states.append(state)

    def load_state(self) -> str | None:
        """Return the last state."""
        return self.states[-1] if self.states else None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        return [line for write in self.writes for line in write]
