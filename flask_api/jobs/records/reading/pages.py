"""How much is read of jobs: of one page, and in one round trip.

A person may keep many jobs of a megabyte each. What reads a hundred of them in one command outlasts
the time-out, and every other person's requests are refused for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flask_api.jobs.records.job import Job

# Of what may be large in a record. One job is always read, however large.
PAGE_BYTES, _TRIP_BYTES, _TRIP_JOBS = 4_000_000, 1_000_000, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing. ``cursor`` asks for the next one; None when there is none."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(slots=True, kw_only=True)
class Filling:
    """A page while it is read: room for ``limit`` more jobs, and ``room`` bytes of what they
    hold."""

    limit: int
    room: int = PAGE_BYTES
    jobs: list[Job] = field(default_factory=list)

    def take(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return the first of these jobs that still find room; the first of a page always does."""
        taken: dict[str, int] = {}
        for job_id, size in sizes.items():
            if not self.limit or (size > self.room and (self.jobs or taken)):
                break
            self.limit -= 1
            self.room -= size
            taken[job_id] = size
        return taken


def pieces(sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Yield jobs, by their sizes, in pieces that one round trip may carry."""
    piece: dict[str, int] = {}
    room = _TRIP_BYTES
    for job_id, size in sizes.items():
        if piece and (size > room or len(piece) == _TRIP_JOBS):
            yield piece
            piece, room = {}, _TRIP_BYTES
        piece[job_id] = size
        room -= size
    if piece:
        yield piece
