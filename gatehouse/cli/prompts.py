"""Prompts for secrets: typed unseen on a terminal, or read from stdin;
never from the command line.

The words of a command line are in the shell's history and in every list of processes.
"""

import sys

import click

from gatehouse.cli.output import is_conversation

_MAX_CHARACTERS = 4096


class Prompts:
    """A person's answers, or those that a script writes to stdin, one a line."""

    def __init__(self, *, from_stdin: bool, instead: str = "--password-stdin") -> None:
        self._from_stdin = from_stdin
        self._instead = instead

    def ask(self, question: str, *, is_secret: bool = True) -> str:
        """Return the answer. Raises click.UsageError when there is nobody to ask and nothing more
        on stdin."""
        answer = self.find(question, is_secret=is_secret)
        if answer is None:
            raise click.UsageError(f"{question}: nothing came on stdin")
        return answer

    def find(self, question: str, *, is_secret: bool = True) -> str | None:
        """Return the answer, or None when stdin has no more lines."""
        if self._from_stdin:
            line = sys.stdin.readline(_MAX_CHARACTERS)
            return line.rstrip("\r\n") if line else None
        if not is_conversation():
            raise click.UsageError(
                f"{question}: there is no terminal to ask on; use {self._instead}"
            )
        answer: str = click.prompt(question, hide_input=is_secret, err=True)
        return answer
