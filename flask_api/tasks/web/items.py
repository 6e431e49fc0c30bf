"""What tasks that fetch many URLs have in common:
how a URL looks, what one fetch may take, and why one failed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Self, TypeVar

from pydantic import Field
from pydantic_core import to_json

from flask_api.jobs.tasks.context import JobContext
from flask_api.tasks.web.errors import WebError

T = TypeVar("T")

WebUrl = Annotated[
    str, Field(min_length=1, max_length=2000, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$")
]
FetchSeconds = Annotated[
    float, Field(ge=1, le=60, description="for each URL as a whole, in seconds")
]
FetchBytes = Annotated[int, Field(ge=1, le=100_000_000, description="longest body, for each URL")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchError:
    """Why one URL has no answer: a stable code (see errors) and a sentence."""

    code: str
    message: str

    @classmethod
    def of(cls, error: WebError) -> Self:
        """Return what the job's owner may read of an error."""
        return cls(code=error.code, message=error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one fetch may take: seconds in all, and bytes of body."""

    timeout_s: float
    max_bytes: int


def first_of(items: Iterable[T], limit: int) -> tuple[list[T], int]:
    """Return the first items and how many there are. The others are not kept: a page of 5 MB may
    name half a million URLs of 2,000 characters."""
    first: list[T] = []
    total = 0
    for item in items:
        total += 1
        if total <= limit:
            first.append(item)
    return first, total


def each_once(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts without repetitions. Of those that came before 16 bytes are kept."""
    seen: set[bytes] = set()
    for text in texts:
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield text


def fitting(rows: Iterable[T], job: JobContext) -> list[T]:
    """Return the first rows, as many as leave the result well within what a job may return."""
    fitting_rows, left = [], job.settings.job_result_max_bytes // 2
    for row in rows:
        left -= len(to_json(row))
        if left < 0:
            break
        fitting_rows.append(row)
    return fitting_rows
