"""Printing: nothing that a server sends reaches a terminal as a control character."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

TERMINAL_MAX_CHARACTERS = 100_000


def clean(text: object) -> str:
    """Return the text with every character that doesn't print as its escape:
    ``\\x1b`` can colour, move, retype."""
    words = str(text)
    return (
        words
        if words.isprintable()
        else "".join(c if c.isprintable() else _escape(c) for c in words)
    )


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return the value as JSON whose every character prints, readable where stdout can show it."""
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not is_unicode, indent=indent)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def put(line: str) -> None:
    """Print a line of data; it must be clean already."""
    click.echo(line)


def put_json(value: Any) -> None:
    """Print a value as one line of JSON at once:
    a reader of a pipe sees each line when it is there."""
    put(as_json(value))


def say(text: object) -> None:
    """Print a line for the person, on stderr."""
    click.echo(clean(text), err=True)


def say_lines(text: str) -> None:
    """Print several lines for the person, on stderr."""
    for line in text.splitlines():
        say(line)


def is_terminal() -> bool:
    """Tell whether a person reads stdout."""
    return sys.stdout.isatty()


def is_conversation() -> bool:
    """Tell whether a person can be asked: they type on stdin and read stderr."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def put_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: aligned on a terminal, with tabs and no header in a pipe."""
    if not is_terminal():
        for row in rows:
            put("\t".join(clean(cell) for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        # Text: [brackets] are no markup
        table.add_row(*(Text(clean(cell), overflow="fold") for cell in row))
    Console().print(table)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
