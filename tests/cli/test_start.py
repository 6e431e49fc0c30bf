"""The command starts quickly and loads only what it needs."""

import subprocess
import sys

import pytest

from shared.settings import ROOT
from tests.cli.command import Home

HEAVY = (
    "httpx",
    "rich",
    "ssl",
    "asyncio",
    "django",
    "flask",
    "redis",
    "pydantic",
    "gatehouse.client",
)


def loaded_by(program: str) -> set[str]:
    """Which modules a Python process has at its end."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_import_and_command_load_nothing_heavy() -> None:
    """That is what keeps help under 300 ms and the import under 150."""
    assert loaded_by("import gatehouse").isdisjoint({*HEAVY, "click"})
    assert loaded_by("import gatehouse.cli.main").isdisjoint(HEAVY)


def test_help_needs_no_service_and_names_the_exit_codes(stranger: Home) -> None:
    """Of the command, and of each of its commands."""
    done = stranger.run("--help")
    assert (done.code, done.err) == (0, "")
    assert "6 timed out" in done.out
    for name in ("login", "keys", "map", "submit"):
        shown = stranger.run(name, "--help")
        assert (shown.code, shown.err) == (0, ""), name
        assert f"Usage: gatehouse {name}" in shown.out


def test_group_without_a_command_shows_its_help(stranger: Home) -> None:
    """In lines, as usage that was wrong."""
    for words, command in (((), "login "), (("keys",), "revoke "), (("submit",), "--wait")):
        done = stranger.run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"Usage: {' '.join(('gatehouse', *words))} ")
        assert any(
            line.strip().startswith(command) or command in line
            for line in done.err.splitlines()[3:]
        )
        lines = stranger.run(*words, "--help", COLUMNS="80").out.splitlines()
        assert not [line for line in lines[1:] if line.endswith("...")], (
            "what a command does is said to the end"
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("keys", "revoke", "ci"), "'ci' is not a valid integer."),
        (("login", "localhost", "--days", "x"), "'x' is not a valid integer."),
        (("new", "my service"), "'my service' must be small letters, digits and _"),
    ],
)
def test_word_that_can_not_be_is_named(stranger: Home, words: tuple[str, ...], said: str) -> None:
    """In words for a person, and before anything is asked."""
    done = stranger.run(*words)
    assert done.code == 2
    assert said in done.line


def test_version_is_printed(stranger: Home) -> None:
    """As the package says it."""
    assert stranger.run("--version").out.startswith("gatehouse, version ")


def test_command_runs_without_a_usable_output_encoding(stranger: Home) -> None:
    """A terminal from long ago gets escapes, never an error."""
    done = stranger.run("--help", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.code == 0
