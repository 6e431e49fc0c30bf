"""What logs.retry_failed tells: the counts before and after, the URLs,
the lines that were left out."""

from dataclasses import dataclass
from typing import Self

from flask_api.tasks.access_log.requests import Repeat
from flask_api.tasks.web.items import FetchError


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many lines of the log have a status, and how many of the new one;
    0 counts those with none (``000``, ``-``)."""

    status: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedUrl:
    """One URL that was requested again. ``after`` is None exactly when ``error`` says why there was
    no answer."""

    method: str
    url: str
    before: int
    after: int | None
    error: FetchError | None

    @classmethod
    def of(cls, repeat: Repeat) -> Self:
        """Return how a request ended that has ended."""
        answer = repeat.answer.result()
        after = None if answer.error else answer.status
        return cls(
            method=repeat.request.method,
            url=repeat.url,
            before=repeat.before,
            after=after,
            error=answer.error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """A line that was left out."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryReport:
    """What was found and what has become of it.

    ``lines`` counts all, ``skipped`` those that were left out, ``failed`` those with a 5xx,
    ``requested`` the different requests sent again. ``not_repeated`` counts failed lines by reason:
    ``other_method`` than GET and HEAD, ``no_path``, ``too_long`` (a target of more than 8,000
    characters), ``over_max_requests`` (or over 32 million characters of targets).
    Of ``urls`` and ``problems`` the first 100 are listed.
    """

    file: str
    lines: int
    skipped: int
    failed: int
    requested: int
    statuses: list[StatusCount]
    not_repeated: dict[str, int]
    urls: list[RetriedUrl]
    problems: list[LineProblem]
