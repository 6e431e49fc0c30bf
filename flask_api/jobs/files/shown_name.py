"""The name of a file as it may be shown: nothing in it moves the cursor or turns the text around.

``report\\u202efdp.exe`` would be read as ``reportexe.pdf``. Each such character becomes U+FFFD,
which shows that one was there. Source: Unicode Technical Report 36, 2.5;
Unicode Standard Annex 9, 2.
"""

import re

REPLACEMENT = "\ufffd"
# Controls (C0, C1), the separators of lines and paragraphs, and what sets the direction of text.
# What joins letters stays.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def shown_name(name: str) -> str:
    """Return the name with U+FFFD for every control character and every one that changes the
    direction of text."""
    return _UNSEEN.sub(REPLACEMENT, name)
