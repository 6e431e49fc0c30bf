"""Colours of a log line: what a terminal would show in colour is pieces with classes, never markup.

Only SGR is understood (ECMA-48, 8.3.117: ``ESC [ 1 ; 31 m``): the eight colours, of 256 and of RGB
the nearest of them, bold, faint, italic, underlined, crossed out, inverse. Every other sequence is
text, with its ESC as a sign that can be seen. Nothing makes text invisible. Linear.
static/gatehouse/ansi.js does the same to lines that come while one looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from shared.hidden_signs import COLOURS, visible

LONGEST = 20_000
MOST_PIECES = 500
_GREY, _PLAIN = 0, 7
_OFF = {22: ("bold", "faint"), 23: ("italic",), 24: ("under",), 27: ("inverse",), 29: ("struck",)}
_ON = {1: "bold", 2: "faint", 3: "italic", 4: "under", 7: "inverse", 9: "struck"}


@dataclass(slots=True)
class LetterStyle:
    """How the text after a sequence looks. Colours are 0 to 7, None where none is said."""

    fore: int | None = None
    back: int | None = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    under: bool = False
    struck: bool = False
    inverse: bool = False

    def apply(self, parameters: str) -> None:
        """Follow one sequence."""
        codes = [int(code[:4] or 0) for code in parameters.split(";")]
        at = 0
        while at < len(codes):
            code = codes[at]
            if code in (38, 48):
                colour, taken = _extended(codes[at + 1 : at + 5])
                self._colour("fore" if code == 38 else "back", colour)
                at += taken
            else:
                self._plain(code)
            at += 1

    def classes(self) -> str:
        """Return the classes of the page's style; empty for plain text."""
        fore, back = (self.back, self.fore) if self.inverse else (self.fore, self.back)
        if self.inverse and fore is None and back is None:
            back = _PLAIN
        named = [
            name for name in ("bold", "faint", "italic", "under", "struck") if getattr(self, name)
        ]
        colours = [f"fore-{fore}"] if fore is not None and back is None else []
        return " ".join([*named, *colours, *([f"back-{back}"] if back is not None else [])])

    def _plain(self, code: int) -> None:
        if code == 0:
            for each in fields(self):
                setattr(self, each.name, each.default)
        elif code in _ON:
            setattr(self, _ON[code], True)
        elif code in _OFF:
            for name in _OFF[code]:
                setattr(self, name, False)
        elif code in (39, 49):
            self._colour("fore" if code == 39 else "back", None)
        elif code // 10 in (3, 4, 9, 10) and code % 10 < 8:
            self._colour("fore" if code // 10 in (3, 9) else "back", code % 10)

    def _colour(self, name: str, colour: int | None) -> None:
        setattr(self, name, colour)


def pieces_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield a line's pieces: classes, and text without a sign that acts. Of a very long line, or of
    very many pieces, the rest has no colours."""
    whole = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    style, place = LetterStyle(), 0
    for found in islice(COLOURS.finditer(whole), MOST_PIECES):
        if found.start() > place:
            yield style.classes(), visible(whole[place : found.start()])
        style.apply(found[1])
        place = found.end()
    rest = COLOURS.sub("", whole[place:])
    if rest:
        yield style.classes(), visible(rest)


def coloured(text: str) -> SafeString:
    """Return a line as HTML."""
    return format_html_join(
        "", "{}", ((_span(classes, piece),) for classes, piece in pieces_of(text))
    )


def _span(classes: str, text: str) -> SafeString | str:
    return format_html('<span class="{}">{}</span>', classes, text) if classes else text


def _extended(codes: list[int]) -> tuple[int | None, int]:
    """Return a colour of 256 or of RGB, and how many codes it took."""
    match codes:
        case [5, number, *_]:
            return _of_256(number), 2
        case [2, red, green, blue, *_]:
            return _nearest(red, green, blue), 4
    return None, len(codes)


def _of_256(number: int) -> int | None:
    if number < 16:
        return number % 8
    if number > 255:
        return None
    if number >= 232:
        return _GREY if number < 244 else _PLAIN
    cube = number - 16
    return _nearest(cube // 36 * 51, cube // 6 % 6 * 51, cube % 6 * 51)


def _nearest(red: int, green: int, blue: int) -> int:
    most = max(red, green, blue)
    if most < 64:
        return _GREY
    bits = (red * 2 > most) + 2 * (green * 2 > most) + 4 * (blue * 2 > most)
    return bits if bits < 7 or most >= 128 else _GREY
