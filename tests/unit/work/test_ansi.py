"""A log line's colours are pieces with classes; everything else that a terminal acts on is text."""

import time

import pytest

from django_site.work.log.ansi import LONGEST, MOST_PIECES, coloured, pieces_of

ESC = "\x1b"


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("plain", [("", "plain")]),
        ("", []),
        (f"{ESC}[31mred{ESC}[0m.", [("fore-1", "red"), ("", ".")]),
        (f"{ESC}[1;92mok{ESC}[22mgo{ESC}[39m.", [("bold fore-2", "ok"), ("fore-2", "go"), ("", ".")]),
        (f"{ESC}[37;44mon blue", [("back-4", "on blue")]),
        (f"{ESC}[7minverse{ESC}[31mred", [("back-7", "inverse"), ("back-1", "red")]),
        (f"{ESC}[38;5;46ma{ESC}[38;5;232mb{ESC}[38;5;9mc", [("fore-2", "a"), ("fore-0", "b"), ("fore-1", "c")]),
        (f"{ESC}[38;2;10;200;255ma{ESC}[48;5;300mb", [("fore-6", "a"), ("fore-6", "b")]),
        (f"{ESC}[38;5ma{ESC}[38;9;1mb{ESC}[;;31mc{ESC}[99999mx", [("", "a"), ("", "b"), ("fore-1", "cx")]),
        (f"{ESC}[8mhidden{ESC}[5m!", [("", "hidden"), ("", "!")]),
        (f"{ESC}[2J{ESC}]0;title\x07{ESC}[38:5:1mx", [("", "⟨ESC⟩[2J⟨ESC⟩]0;title⟨U+0007⟩⟨ESC⟩[38:5:1mx")]),
        (f"{ESC}[{ESC}[31m31mx", [("", "⟨ESC⟩["), ("fore-1", "31mx")]),
        ("a\u202eb\r\x9b31m", [("", "a⟨U+202E⟩b⟨U+000D⟩⟨U+009B⟩31m")]),
    ],
)  # fmt: skip
def test_only_colours_are_acted_on(line: str, pieces: list[tuple[str, str]]) -> None:
    """SGR; a sequence within another, one that hides, one that moves, one with colons: text."""
    joined: list[tuple[str, str]] = []
    for classes, text in pieces_of(line):
        if joined and joined[-1][0] == classes and classes == "fore-1":
            joined[-1] = (classes, joined[-1][1] + text)
        else:
            joined.append((classes, text))
    assert joined == pieces


def test_markup_in_a_line_is_text() -> None:
    """Within colours and without."""
    shown = coloured(f'<b>{ESC}[31m<img src=x onerror="a">{ESC}[0m&')
    assert shown == (
        '&lt;b&gt;<span class="fore-1">&lt;img src=x onerror=&quot;a&quot;&gt;</span>&amp;'
    )


def test_line_of_a_megabyte_is_cut_and_pieces_are_bounded() -> None:
    """Four times as much takes four times as long at most, and far less where it is cut."""
    assert sum(len(text) for _, text in pieces_of("x" * 1_000_000)) == LONGEST + 1
    many = list(pieces_of(f"{ESC}[31ma{ESC}[32mb" * 1000))
    assert len(many) == MOST_PIECES
    for unit in (ESC, f"{ESC}[", f"{ESC}[3", f"{ESC}[31m", f"{ESC}[{'1;' * 40}", "\u202e"):
        began = time.perf_counter()
        list(pieces_of(unit * (1_000_000 // len(unit))))
        assert time.perf_counter() - began < 2, unit
