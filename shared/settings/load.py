"""Reading settings from the environment, else from the files that script/server keeps under
var/."""

import os
import re
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError

from shared.environment import ENV_PREFIX, var_dir
from shared.errors import ConfigurationError
from shared.settings.contract import ContractSettings
from shared.settings.misspelt import misspelt
from shared.settings.server import ServerSettings
from shared.settings.site import SiteSettings
from shared.settings.worker import WorkerSettings

# Secrets, keys, and URLs, which hold passwords.
_SECRET_NAME = re.compile(r"SECRET|KEY|_URL$|PASSWORD|TOKEN")

_UNITS = {"_MS": "milliseconds", "_S": "seconds", "_DAYS": "days", "_BYTES": "bytes"}
# The pattern of a field that accepts a few words, in pydantic's message about it.
_WORDS = re.compile(r"'\^\(([a-z|]+)\)\??\$'")

# What a field with another pattern accepts, by the end of its variable's name.
_LOOKS = {
    "API_PREFIX": "it must be a path such as /api, of small letters, digits, _ and -",
    "COOKIE_NAME": "it may have letters, digits, _ and -",
    "COOKIE_DOMAIN": "it must be a domain such as example.org",
}
_BOUNDS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
    "less_than": "less than",
}

_FILES = {
    name for kind in (SiteSettings, WorkerSettings, ServerSettings) for name in kind.env_files
}

SettingsT = TypeVar("SettingsT", bound=ContractSettings)


def load_settings(kind: type[SettingsT]) -> SettingsT:
    """Read the settings of one side from the environment and its files under var/.

    Raises ConfigurationError that names every wrong variable and what is accepted,
    without any value.
    """
    try:
        return _read(kind)
    except ValidationError as error:
        raise _told(_problems(kind, error)) from None


def require_settings(*kinds: type[ContractSettings]) -> None:
    """Read the settings of all of these. Raises ConfigurationError as :func:`load_settings` does,
    once for all: who sets a service up mends them together."""
    problems: dict[str, str] = {}
    for kind in kinds:
        try:
            _read(kind)
        except ValidationError as error:
            problems |= _problems(kind, error)
    if problems:
        raise _told(problems)


def misspelt_settings() -> list[str]:
    """Return a sentence for every variable with our prefix that no setting is read from, of this
    process and of the files under var/."""
    names = set(os.environ)
    for name in sorted(_FILES):
        path = var_dir() / name
        if path.is_file():
            names.update(dotenv_values(path))
    return list(misspelt(names))


def server_mount() -> str:
    """Return what stands before every path that this process's gunicorn is asked for;
    "" at the root. Its own variable, which each of its requests begins with."""
    return os.environ.get("SCRIPT_NAME", "")


def forget_secrets() -> None:
    """Take every secret setting out of this process's environment,
    and so out of that of programs it starts."""
    for name in list(os.environ):
        if name == "DATABASE_URL" or (name.startswith(ENV_PREFIX) and _SECRET_NAME.search(name)):
            del os.environ[name]


def _read(kind: type[SettingsT]) -> SettingsT:
    return kind(_env_file=[var_dir() / name for name in kind.env_files])


def _problems(kind: type[ContractSettings], error: ValidationError) -> dict[str, str]:
    # Of one variable the first problem: what follows from it would only distract.
    problems: dict[str, str] = {}
    for line in error.errors(include_input=False, include_url=False, include_context=False):
        problems.setdefault(*_problem(kind, dict(line)))
    return problems


def _told(problems: dict[str, str]) -> ConfigurationError:
    return ConfigurationError("; ".join(f"{name}: {text}" for name, text in problems.items()))


def _problem(kind: type[ContractSettings], line: dict[str, Any]) -> tuple[str, str]:
    name = str(line["loc"][0]) if line["loc"] else ""
    field = kind.model_fields.get(name.removeprefix(ENV_PREFIX).lower())
    variable = name if name.isupper() else f"{ENV_PREFIX}{name.upper()}"
    meaning = f" ({field.description})" if field and field.description else ""
    return variable, f"{_accepted(line, variable)}{meaning}"


def _accepted(line: dict[str, Any], variable: str) -> str:
    """Say what would be accepted; pydantic's own words where they say it already."""
    kind, message = str(line["type"]), str(line["msg"])
    if kind == "missing":
        return "it is required"
    if kind.startswith("bool_"):
        return "it must be true or false"
    if kind in ("int_parsing", "int_from_float"):
        unit = next(
            (f" of {word}" for ending, word in _UNITS.items() if variable.endswith(ending)), ""
        )
        return f"it must be a whole number{unit}"
    if kind in _BOUNDS:
        return f"it must be {_BOUNDS[kind]} {message.rpartition(' ')[2]}"
    if kind.endswith("too_short"):
        return "it is empty"
    if kind.startswith("ip_"):
        return "it must be networks such as 10.1.0.0/16"
    if kind == "string_pattern_mismatch":
        if words := _WORDS.search(message):
            return f"it must be one of {', '.join(words[1].split('|'))}"
        looks = (said for ending, said in _LOOKS.items() if variable.endswith(ending))
        return next(looks, "it must be plain ASCII")
    if kind in ("float_parsing", "finite_number"):
        return "it must be a number"
    return message.removeprefix("Value error, ")
