"""Texts of other people and programs, as a page may show them.

Templates escape HTML. What is left are signs that a screen acts on instead of showing them:
terminal escapes, other control characters, and those that turn the direction of text around.
"""

from datetime import UTC, datetime
from functools import cache

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext, ngettext

from shared.hidden_signs import visible

__all__ = ["ago", "duration", "localized", "moment", "number", "size", "visible"]


def ngettext_noop(one: str, many: str) -> tuple[str, str]:
    """Mark a text with its plural, to be translated when it is said."""
    return one, many


# By the unit's seconds, the longest first.
_AGO = {
    86_400: ngettext_noop("%(count)s day ago", "%(count)s days ago"),
    3600: ngettext_noop("%(count)s hour ago", "%(count)s hours ago"),
    60: ngettext_noop("%(count)s minute ago", "%(count)s minutes ago"),
    1: ngettext_noop("%(count)s second ago", "%(count)s seconds ago"),
}
_AHEAD = {
    86_400: ngettext_noop("in %(count)s day", "in %(count)s days"),
    3600: ngettext_noop("in %(count)s hour", "in %(count)s hours"),
    60: ngettext_noop("in %(count)s minute", "in %(count)s minutes"),
    1: ngettext_noop("in %(count)s second", "in %(count)s seconds"),
}


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
        return gettext("now")
    unit = next(unit for unit in _AGO if size >= unit)
    one, many = (_AGO if seconds > 0 else _AHEAD)[unit]
    return ngettext(one, many, size // unit) % {"count": size // unit}


def number(value: float) -> str:
    """Return a number with the marks of the page's language: 1,234.5 is 1.234,5 in German."""
    text = f"{value:,}" if isinstance(value, int) else repr(value)
    return localized(text)


def localized(text: str) -> str:
    """Return a number that is written as in English with the marks of the page's language."""
    marks = _marks(get_language())
    return text.translate(marks) if marks else text


@cache
def _marks(language: str | None) -> dict[int, str]:
    """Return the language's marks by those of English; nothing where they are the same."""
    point = str(get_format("DECIMAL_SEPARATOR", lang=language, use_l10n=True))
    comma = str(get_format("THOUSAND_SEPARATOR", lang=language, use_l10n=True))
    return {} if (point, comma) == (".", ",") else {ord("."): point, ord(","): comma}


def duration(seconds: float, *, in_tenths: bool = True) -> str:
    """Say how long something took; without tenths, how many whole seconds have passed."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return localized(f"{seconds:.1f} s") if in_tenths else f"{int(seconds)} s"
    whole = round(seconds) if in_tenths else int(seconds)
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
    is_small = unit != "B" and amount < 10
    return localized(f"{amount:.1f} {unit}" if is_small else f"{amount:.0f} {unit}")
