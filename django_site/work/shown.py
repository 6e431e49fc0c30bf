"""Texts of other people and programs, as a page may show them.

Templates escape HTML. What is left are signs that a screen acts on instead of showing them:
terminal escapes, other control characters, and those that turn the direction of text around.
"""

from datetime import UTC, datetime

from shared.hidden_signs import visible

__all__ = ["ago", "duration", "moment", "size", "visible"]


def moment(text: str | None) -> datetime | None:
    """Return the time that the API wrote; None for none."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(then: datetime, now: datetime) -> str:
    """Say how long ago a moment was, or how soon it comes: in the one unit that fits."""
    seconds = round((now - then).total_seconds())
    size = abs(seconds)
    if size < 5:
        return "now"
    words = next(
        f"{size // unit} {name}{'' if size // unit == 1 else 's'}"
        for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
        if size >= unit
    )
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration(seconds: float) -> str:
    """Say how long something took."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: int) -> str:
    """Say how many bytes."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 10 else f"{amount:.0f} {unit}"
