"""The secrets of a start on one's own machine:
made once, kept in files under var/ that only this person can read.

    var/contract.env        GATEHOUSE_SESSION_SECRETS                            both sides
    var/site.env            GATEHOUSE_SECRET_KEY, GATEHOUSE_SITE_REDIS_URL       the Django site
    var/api.env             GATEHOUSE_API_REDIS_URL, GATEHOUSE_JOBS_REDIS_URL,
                            GATEHOUSE_WORKER_SECRETS                             the Flask API
    var/valkey.passwords    JSON, role -> password, of the server for sessions   the launcher
    var/valkey-jobs.passwords                      of the server for jobs        the launcher

Lines that a person wrote into those files stay, and a Redis URL of theirs wins; ours carry a mark.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from dotenv import dotenv_values

from deploy.processes.private_files import replace_private
from deploy.redis.users import ROLES, new_passwords

_MARK = "  # kept up to date by script/server"


def ensure_secrets(var: Path) -> None:
    """Make whatever secret is missing in ``var``. What exists is kept:
    a new one would log everyone out."""
    _ensure(var / "contract.env", "GATEHOUSE_SESSION_SECRETS")
    _ensure(var / "site.env", "GATEHOUSE_SECRET_KEY")
    _ensure(var / "api.env", "GATEHOUSE_WORKER_SECRETS")


def ensure_valkey_passwords(
    var: Path, server: str = "valkey", *, roles: Sequence[str] = ROLES
) -> dict[str, str]:
    """Return the passwords of an embedded Valkey's roles, made at the first call."""
    file = var / f"{server}.passwords"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    passwords = new_passwords(roles) | known
    if passwords != known:
        replace_private(file, json.dumps(passwords, indent=2) + "\n")
    return {role: passwords[role] for role in roles}


def set_redis_urls(
    var: Path, *, site: str | None, api: str | None, jobs: str | None = None
) -> None:
    """Tell each side its own Redis URLs in its own file, or take ours out:
    then GATEHOUSE_REDIS_URL counts."""
    _keep_line(var / "site.env", "GATEHOUSE_SITE_REDIS_URL", site)
    _keep_line(var / "api.env", "GATEHOUSE_API_REDIS_URL", api)
    _keep_line(var / "api.env", "GATEHOUSE_JOBS_REDIS_URL", jobs)


def _ensure(file: Path, variable: str) -> None:
    known = dotenv_values(file) if file.exists() else {}
    if not known.get(variable):
        _write(file, [*_lines(file), f"{variable}={secrets.token_urlsafe(48)}"])


def _keep_line(file: Path, variable: str, value: str | None) -> None:
    """Give ``variable`` this value in a line of ours, None for no line.
    The value must be made of URL characters."""
    lines = _lines(file)
    theirs = [
        line for line in lines if not (line.startswith(f"{variable}=") and line.endswith(_MARK))
    ]
    is_theirs = any(
        line.replace("export ", "").strip().startswith(f"{variable}=") for line in theirs
    )
    ours = [] if value is None or is_theirs else [f"{variable}={value}{_MARK}"]
    if theirs + ours != lines:
        _write(file, theirs + ours)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _write(file: Path, lines: list[str]) -> None:
    replace_private(file, "".join(f"{line}\n" for line in lines))
