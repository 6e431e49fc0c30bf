"""A text in Markdown that a task returns: how it says so, and how long it may be.

Like a chart it is data with a mark, to be put anywhere into a result:

    {"gatehouse_markdown": "# Sales\\n\\nUp by **12 %**."}

Whoever shows it renders CommonMark without HTML in it; what is no such object is shown as any
other.
"""

from typing import Any

MARK = "gatehouse_markdown"
LONGEST = 100_000


class MarkdownError(ValueError):
    """What was given is no text, or too long; its words say so."""


def mark_markdown(text: str) -> dict[str, str]:
    """Return the text as Markdown. Raises MarkdownError."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise MarkdownError(f"Markdown is a text of at most {LONGEST:,} characters.")
    return {MARK: text}


def find_markdown(value: Any) -> str | None:
    """Return the text that a value of a result is; None for any other, and for one too long."""
    text = value.get(MARK) if isinstance(value, dict) and set(value) == {MARK} else None
    return text if isinstance(text, str) and len(text) <= LONGEST else None
