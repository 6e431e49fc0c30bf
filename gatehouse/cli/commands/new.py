"""``new``: a gated Flask service with one task and its tests, from the template in the package."""

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from gatehouse.cli.command import command
from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.output import say

# What the files are called in the package, and in the service.
_FILES: Mapping[str, str] = {
    "README.md.txt": "README.md",
    "service.py.txt": "$name.py",
    "tasks.py.txt": "${name}_tasks.py",
    "test_service.py.txt": "test_$name.py",
    "env.txt": ".env",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)


@command("new")
@click.argument("name")
def new(name: str) -> ExitCode:
    """Write a small gated Flask service into the folder NAME.

    It has one task, tests and settings. NAME becomes the name of a module:
    small letters, digits and _, a letter first.
    """
    _check_name(name)
    folder = Path(name)
    try:
        folder.mkdir()
        for source, target in _FILES.items():
            text = files("gatehouse").joinpath("template", source).read_text(encoding="utf-8")
            (folder / _filled(target, name)).write_text(_filled(text, name), encoding="utf-8")
    except FileExistsError:
        raise CommandFailed(
            f"{name} is there already; nothing was written.", code=ExitCode.USAGE
        ) from None
    except OSError as error:
        raise CommandFailed(
            f"{folder} can't be written: {error.strerror}.", code=ExitCode.NOT_WRITTEN
        ) from error
    say(
        f"Written to {name}/. Go on with {name}/README.md; its tests: cd {name} && python -m pytest"
    )
    return ExitCode.SUCCEEDED


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise click.BadParameter(
            f"{name!r} must be small letters, digits and _, begin with a letter, and be no word of "
            "Python's."
        )
    if find_spec(name) is not None and not Path(name).is_dir():
        raise click.BadParameter(
            f"{name} is the name of a module that is installed; imports would "
            "find one or the other."
        )


def _filled(text: str, name: str) -> str:
    return Template(text).substitute(name=name)
