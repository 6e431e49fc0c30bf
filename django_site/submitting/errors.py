"""What may keep a submit from being a job.

SubmitError
├── ApiAway          nobody answered, or not now: the same may be accepted later
├── SubmitRefused    the API says no, and why; ``fields`` names what is wrong
└── OutboxFull       too much of this person waits to be sent
"""

from collections.abc import Mapping, Sequence
from typing import Any

_ARGUMENTS = "/arguments/"
# Of a problem that says that the job was accepted before, and is gone since.
_GONE = frozenset({"job_not_found", "job_expired"})


class SubmitError(Exception):
    """A submit that is no job: see the branches."""


class OutboxFull(SubmitError):
    """This person has as many jobs in the outbox as it takes of one: nothing was written."""


class ApiAway(SubmitError):
    """The API, or its Redis, doesn't answer, or asks to come back later."""

    def __init__(self, detail: str, *, code: str = "away", retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after_s = retry_after_s

    @property
    def is_of_one_request(self) -> bool:
        """Whether the API is there and failed at this request: others may fare better now."""
        return self.code == "internal_error"


def _says_where(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("pointer"), str) and isinstance(line.get("detail"), str)


class SubmitRefused(SubmitError):
    """The API's refusal: ``said`` are the members of its problem (RFC 9457)."""

    def __init__(self, status: int, said: Mapping[str, Any], *, retry_after_s: int = 0) -> None:
        super().__init__(str(said.get("detail") or f"The API answers {status}."))
        self.status = status
        self.said = said
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        """The API's word for what is wrong: invalid_arguments, unknown_task, ..."""
        return str(self.said.get("code", ""))

    @property
    def errors(self) -> Sequence[Mapping[str, str]]:
        """What is wrong and where, by JSON pointers; lines that say it otherwise are left out."""
        lines = self.said.get("errors")
        if not isinstance(lines, list):
            return ()
        return [line for line in lines if isinstance(line, Mapping) and _says_where(line)]

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong with which argument: ``{"limit": "Input should be ..."}``."""
        return {
            line["pointer"].removeprefix(_ARGUMENTS): line["detail"]
            for line in self.errors
            if line["pointer"].startswith(_ARGUMENTS)
        }

    @property
    def may_pass_later(self) -> bool:
        """Whether a limit was reached that others' or the person's jobs may leave room below."""
        return self.status == 429

    @property
    def is_of_a_job_that_was(self) -> bool:
        """Whether this was accepted before, and the job is deleted or forgotten since."""
        return self.code in _GONE
