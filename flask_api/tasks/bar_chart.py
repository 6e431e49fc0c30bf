"""Draw a bar chart as SVG: one bar below the other, readable on light and on dark,
without a script or a font of its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABEL_WIDTH, _BAR_WIDTH = 760, 210, 430
_TOP, _ROW, _BAR = 56, 30, 18
_MAX_LABEL = 25
# What XML 1.0 has no way to write, not even escaped (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# The colours are the site's; each pair reaches WCAG AA.
_STYLE = """
svg{color-scheme:light dark;font:14px system-ui,-apple-system,"Segoe UI",sans-serif}
.page{fill:#fff}.title{font-size:18px;font-weight:600}text{fill:#1b2230}.note{fill:#566072}
.bar{fill:#1f5fbf}.rest{fill:#7d8796}
@media (prefers-color-scheme:dark){
.page{fill:#12161d}text{fill:#e8ebf1}.note{fill:#a6b0c0}.bar{fill:#86b4ff}.rest{fill:#7d8899}
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: what it stands for, its length (from 0, in any unit), the words behind it.
    ``is_rest``: drawn quietly."""

    label: str
    value: float
    note: str = ""
    is_rest: bool = False


def bar_chart(title: str, bars: Sequence[Bar]) -> str:
    """Return an SVG document; the longest bar fills the width, and any text is escaped."""
    height = _TOP + _ROW * len(bars) + 14
    longest = max((bar.value for bar in bars), default=0) or 1
    rows = "\n".join(
        _row(bar, top=_TOP + _ROW * number, longest=longest) for number, bar in enumerate(bars)
    )
    words = "; ".join(f"{bar.label}: {bar.note}" for bar in bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-labelledby="t d">\n'
        f'<title id="t">{_text(title)}</title>\n<desc '
        f'id="d">{_text(words)}</desc>\n<style>{_STYLE}</style>\n'
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>\n<text class="title" x="20" '
        f'y="34">{_text(title)}</text>\n'
        f"{rows}\n</svg>\n"
    )


def _row(bar: Bar, *, top: int, longest: float) -> str:
    width = max(1.0, _BAR_WIDTH * bar.value / longest)  # the smallest is still seen
    base = top + 14
    return (
        f'<text x="{_LABEL_WIDTH}" y="{base}" text-anchor="end">{_text(_shorten(bar.label))}</text>'
        f'<rect class="{"rest" if bar.is_rest else "bar"}" x="{_LABEL_WIDTH + 10}" y="{top}" '
        f'width="{width:.1f}"'
        f' height="{_BAR}" rx="3"/><text class="note" x="{_LABEL_WIDTH + 18 + width:.1f}" '
        f'y="{base}">{_text(bar.note)}</text>'
    )


def _shorten(label: str) -> str:
    return label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
