"""What a service starts with: its environment, and a database with one person in it."""

import os
import secrets
import subprocess
import sys
from functools import cache
from pathlib import Path

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT


def clean_environment(folder: Path) -> dict[str, str]:
    """Return this process's environment with fresh secrets and a var folder,
    and no other setting of Gatehouse."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GATEHOUSE_", "DATABASE_URL"))
    }
    return {
        **kept,
        "PYTHONFAULTHANDLER": "1",  # see end_by_force
        "GATEHOUSE_VAR_DIR": str(folder),
        "GATEHOUSE_SESSION_SECRETS": secrets.token_urlsafe(32),
        "GATEHOUSE_SECRET_KEY": secrets.token_urlsafe(50),
    }


@cache
def prepared_database() -> tuple[str, Path]:
    """Migrate a database with one person in it, once per run; each service gets a copy."""
    folder = Path(os.environ["GATEHOUSE_VAR_DIR"]) / "prepared"
    folder.mkdir()
    password_file = folder / "password"
    with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
        environment = {
            **clean_environment(folder),
            "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
        }
        command = [
            sys.executable,
            "manage.py",
            "prepare_local",
            "--demo-password-file",
            str(password_file),
        ]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return password_file.read_text().strip(), folder / "db.sqlite3"
