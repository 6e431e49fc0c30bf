"""Ids of jobs: made by who accepts a job, or by Django's side before it is sent."""

import random
import re

from shared.clock import JOBS_CLOCK

_TICKS_PER_MS = 1 << 12
_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def is_job_id(candidate: str) -> bool:
    """Tell whether it has the form of a job's id: a UUID as it is stored."""
    return _FORM.fullmatch(candidate) is not None


def new_job_id(at: float | None = None) -> str:
    """Return a UUID version 7 (RFC 9562): it sorts by time to a quarter of a microsecond, and holds
    62 random bits. ``at``: that time, in seconds since 1970; by default now, by the clock of the
    jobs' Redis as far as this process knows it. It names a job, and opens nothing."""
    ticks = int((JOBS_CLOCK.now() if at is None else at) * 1000 * _TICKS_PER_MS)
    milliseconds, tick = divmod(ticks, _TICKS_PER_MS)
    # seeded in every process; asking the system cost more than the rest
    bits = random.getrandbits(62)
    number = milliseconds << 80 | 0x7 << 76 | tick << 64 | 0b10 << 62 | bits
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def made_at(job_id: str) -> float:
    """Return when an id was made, in seconds since 1970; of one that tells no time, 0."""
    try:
        return int(job_id[:8] + job_id[9:13], 16) / 1000
    except ValueError:
        return 0.0
