"""How long a job has been at it, and how long it may still take: said only where it is known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from django_site.work import shown

# Before that the speed of a job is a guess.
_LEAST_ELAPSED_S = 5.0
_LEAST_DONE, _LEAST_STEPS = 0.05, 3
_HOUR_S, _DAY_S = 3600, 86_400


def elapsed_s(job: Mapping[str, Any], now: datetime) -> float | None:
    """Return for how long a running job has run, in seconds; None for one that doesn't run."""
    began = shown.moment(job.get("started_at"))
    if job["status"] != "running" or began is None:
        return None
    return max(0.0, (now - began).total_seconds())


def remaining_s(job: Mapping[str, Any], now: datetime) -> float | None:
    """Return for how long a job will still run if it goes on as it did since it began; None where
    its progress doesn't say enough."""
    progress, elapsed = job.get("progress"), elapsed_s(job, now)
    if not progress or elapsed is None or not progress.get("total") or job["cancel_requested"]:
        return None
    share = progress["done"] / progress["total"]
    is_early = elapsed < _LEAST_ELAPSED_S or progress["done"] < _LEAST_STEPS
    if is_early or not _LEAST_DONE <= share < 1:
        return None
    return float(elapsed * (1 - share) / share)


def about(seconds: float) -> str:
    """Say a time that is not known exactly, as roughly as it is known; "" beyond a day."""
    if seconds < 10:
        return _("a few seconds")
    if seconds < 55:
        return _("about %(count)s s") % {"count": round(seconds / 10) * 10}
    if seconds < 0.95 * _HOUR_S:
        return _("about %(count)s min") % {"count": max(1, round(seconds / 60))}
    if seconds < _DAY_S:
        return _("about %(count)s h") % {"count": max(1, round(seconds / _HOUR_S))}
    return ""
