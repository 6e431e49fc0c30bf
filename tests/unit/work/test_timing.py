"""How long a job still takes is said where its progress says it, and not else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_site.work.listing.timing import about, remaining_s

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(elapsed_s: float, done: float, total: float | None, **changed: Any) -> dict[str, Any]:
    """Return a running job that is this far."""
    began = (NOW - timedelta(seconds=elapsed_s)).isoformat()
    progress = {"done": done, "total": total, "message": ""}
    return {
        "status": "running",
        "started_at": began,
        "progress": progress,
        "cancel_requested": False,
        **changed,
    }


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (job(60, 20, 100), 240),
        (job(60, 4, 100), None),  # hardly begun
        (job(60, 1, 4), None),  # one step tells no speed
        (job(2, 50, 100), None),
        (job(60, 100, 100), None),
        (job(60, 50, None), None),
        (job(60, 50, 100, status="queued"), None),
        (job(60, 50, 100, cancel_requested=True), None),
        (job(60, 50, 100, progress=None), None),
    ],
)
def test_remaining_time_needs_a_known_speed(told: dict[str, Any], seconds: float | None) -> None:
    """Some steps, some time, and an end that is known."""
    assert remaining_s(told, NOW) == (None if seconds is None else pytest.approx(seconds))


def test_what_is_not_exact_is_said_roughly() -> None:
    """No seconds of minutes; beyond a day nothing."""
    said = {4: "a few seconds", 32: "about 30 s", 56: "about 1 min", 250: "about 4 min"}
    said |= {3500: "about 1 h", 9000: "about 2 h", 90_000: ""}
    assert {seconds: about(seconds) for seconds in said} == said
