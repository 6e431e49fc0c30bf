"""The table of all settings, from the code: ``python -m deploy.settings_table > docs/settings.md``.
A test compares them."""

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.settings import (
    ENV_PREFIX,
    ApiSettings,
    ContractSettings,
    ServerSettings,
    SiteSettings,
    WorkerSettings,
    WriterSettings,
)

_HEAD = """# Settings

Every setting is an environment variable, or a line `NAME=value` in a file under `var/`
(`GATEHOUSE_VAR_DIR`: another folder); the environment wins. Lists are written with commas.
`script/server` makes the files; what it writes there once, it keeps. A wrong value stops the start
with a line that names the variable; a secret's value is never shown. A variable `GATEHOUSE_...`
that is not a setting is named in a warning. `python wsgi.py --check` reads all settings as a start
does, and tries Redis, the database and the storage of files.
"""

_GROUPS: tuple[tuple[str, type[ContractSettings], type[ContractSettings] | None], ...] = (
    ("Both sides (`contract.env`)", ContractSettings, None),
    ("The site that writes sessions: ours or yours (`site.env`)", WriterSettings, ContractSettings),
    ("Our Django site (`site.env`)", SiteSettings, WriterSettings),
    ("The Flask API and its jobs (`api.env`)", ApiSettings, ContractSettings),
    ("A worker (`worker.env`, or the environment)", WorkerSettings, ApiSettings),
    ("The servers (`contract.env`)", ServerSettings, ContractSettings),
)


def settings_table() -> str:
    """Return the whole page as Markdown."""
    parts = [_HEAD]
    for title, kind, base in _GROUPS:
        own = {
            name: field
            for name, field in kind.model_fields.items()
            if base is None or name not in base.model_fields
        }
        rows = [
            f"| `{variable(name)}` | {default_text(field)} | {field.description} |"
            for name, field in own.items()
        ]
        parts.append(
            "\n".join(
                [
                    f"## {title}",
                    "",
                    "| variable | default | what it does |",
                    "| --- | --- | --- |",
                    *rows,
                ]
            )
            + "\n"
        )
    return "\n".join(parts)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return "DATABASE_URL" if name == "database_url" else ENV_PREFIX + name.upper()


def default_text(field: FieldInfo) -> str:
    """Return a default as one would write it in the environment."""
    default: Any = field.default
    if default is PydanticUndefined:  # one that is made at the start is described in words
        return "required" if field.is_required() else ""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, tuple):
        default = ",".join(str(part) for part in default)
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if default not in (None, "") else ""


if __name__ == "__main__":
    print(settings_table(), end="")
