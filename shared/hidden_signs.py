"""Signs of a text that a screen acts on instead of showing them, or that hide: terminal escapes and
other control characters, and those that turn the direction of text around."""

import re

# For a class of a regular expression: the controls of ASCII and ISO 8859-1 but tab and line feed;
# the marks and overrides of bidirectional text (UAX 9); what is invisible or no character.
# django_site/static/gatehouse/live.js has the same ones.
HIDDEN = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u2064\\u2066-\\u2069\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff"
)
# Colours and the like of terminals (ECMA-48, 8.3.117): what is taken out of a text that has none.
COLOURS = re.compile(r"\x1b\[([0-9;]{0,60})m")
_HIDDEN = re.compile(f"[{HIDDEN}]")
_ESCAPE = 0x1B


def visible(text: str) -> str:
    """Return ``text`` with every sign that acts, or hides, as one that can be seen. Linear."""
    return _HIDDEN.sub(lambda found: _picture(ord(found[0])), text)


def _picture(code: int) -> str:
    name = "ESC" if code == _ESCAPE else f"U+{code:04X}"
    return f"\u27e8{name}\u27e9"
