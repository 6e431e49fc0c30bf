"""What becomes of a submit: accepted, known from before, or refused, and why."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, cast


class Acceptance(StrEnum):
    """What became of a submit."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # the same Idempotency-Key and body were accepted before
    CONFLICT = "conflict"  # the same Idempotency-Key with another body
    FULL = "full"  # the person has too many unfinished jobs
    ENDED = "ended"  # the person keeps too many ended jobs
    BYTES = "bytes"  # the person keeps too many bytes
    LOST = "lost"  # this process was declared dead and must register anew


class Answer(NamedTuple):
    """A submit's answer: ``known`` is the earlier job or batch,
    ``unfinished`` the person's unfinished jobs.

    ``kept`` is how many ended jobs, or bytes, the person keeps, when these are too many.
    """

    acceptance: Acceptance
    known: str = ""
    unfinished: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's key and the SHA-256 hex of what it was sent with."""

    key: str
    body_digest: str


def answer_of(raw: Any) -> Answer:
    """Return what a script that accepts has answered: see lua/submit.lua."""
    word, *more = cast(list[Any], raw)
    acceptance = Acceptance(word)
    if acceptance is Acceptance.KNOWN:
        return Answer(acceptance=acceptance, known=str(more[0]))
    if acceptance in (Acceptance.ENDED, Acceptance.BYTES):
        return Answer(acceptance=acceptance, kept=int(more[0]))
    return Answer(acceptance=acceptance, unfinished=int(more[0]) if more else 0)
