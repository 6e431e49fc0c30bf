"""CONTRIBUTING.md names only what is there, and its commands do what it says."""

import re
from importlib.util import find_spec

from shared.settings import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = "".join(re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL))
WORDS = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
COMMANDS = [line.partition("#")[0].strip() for line in BLOCKS.splitlines()] + [
    word for word in WORDS if " " in word
]


def test_every_path_that_is_named_is_there() -> None:
    """In the text and in commands; what is made by a command is not."""
    named = {
        part
        for words in (*WORDS, *COMMANDS)
        for part in re.split(r"[ >]+", words)
        if re.search(r"\w/\w|\.(py|md|txt|toml)$", part)
    }
    paths = {part.partition("::")[0] for part in named if not part.startswith(".venv/")}
    assert len(paths) > 20
    found = {
        path
        for path in paths
        if (ROOT / path).exists() or (ROOT / "shared/settings" / path).exists()
    }
    assert paths - found == set()


def test_every_command_can_be_run() -> None:
    """Scripts are executable, modules are found, and pytest finds the tests that are named."""
    assert {command.split()[0] for command in COMMANDS} >= {
        ".venv/bin/pytest",
        ".venv/bin/python",
        "git",
    }
    for command in COMMANDS:
        program, *rest = command.split()
        if program.startswith("script/"):
            assert (ROOT / program).stat().st_mode & 0o111, program
        elif program == ".venv/bin/python" and rest[0] != "-m":
            assert (ROOT / rest[0]).is_file(), command
        elif program == ".venv/bin/python":
            assert find_spec(rest[1]), command
    tests = [
        word
        for command in COMMANDS
        if command.startswith(".venv/bin/pytest")
        for word in command.split()[1:]
    ]
    nodes = [word for word in tests if "::" in word]
    assert nodes
    for node in nodes:
        path, _, name = node.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), node
