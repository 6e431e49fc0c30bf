"""manage.py as an operator meets it, and prepare_local, which script/server runs at each start."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT

SECRET = "a-secret-of-at-least-thirty-two-characters-and-some-more-for-django"


@pytest.fixture
def manage(valkey: EmbeddedValkey, tmp_path: Path) -> "Manage":
    """manage.py on a fresh var folder."""
    return Manage(valkey, tmp_path / "var")


class Manage:
    """Runs manage.py as its own process."""

    def __init__(self, valkey: EmbeddedValkey, var: Path) -> None:
        self.var = var
        self.var.mkdir()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GATEHOUSE_", "DATABASE_"))
        }
        self.environment = {
            **kept,
            "GATEHOUSE_VAR_DIR": str(var),
            "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
            "GATEHOUSE_SESSION_SECRETS": SECRET,
            "GATEHOUSE_SECRET_KEY": SECRET,
        }

    def __call__(
        self, *words: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command with warnings as errors."""
        return subprocess.run(
            [sys.executable, "-W", "error", "manage.py", *words],
            cwd=ROOT,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def test_deployment_check_is_clean_in_the_production_profile(manage: Manage) -> None:
    """Django's own list of what a public site must set."""
    done = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        GATEHOUSE_PRODUCTION="1",
        GATEHOUSE_ALLOWED_HOSTS="a.example",
    )
    assert (done.returncode, "WARNINGS" in done.stderr) == (0, False), done.stderr


def test_first_commands_of_a_fresh_clone_need_no_folder(manage: Manage) -> None:
    """As docs/deploy.md prints them: migrate makes var/, for its owner only;
    what comes too early is one line."""
    manage.var.rmdir()
    make = ("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
    early = manage(*make, DJANGO_SUPERUSER_PASSWORD="correct horse battery")
    assert (early.returncode, early.stderr.count("\n")) == (1, 1), early.stderr
    assert "see DATABASE_URL: " in early.stderr
    done = manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(manage.var.stat().st_mode) == 0o700
    done = manage(*make, DJANGO_SUPERUSER_PASSWORD="correct horse battery")
    assert done.returncode == 0, done.stderr


def test_migrations_are_complete(manage: Manage) -> None:
    """No change of a model is without its migration."""
    assert manage("makemigrations", "--check", "--dry-run").returncode == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEHOUSE_SECRET_KEY", "short-hush"),
        ("GATEHOUSE_EMAIL_URL", "hush://hush"),
        ("DATABASE_URL", "nonsense://user:hush@x/y"),
        ("GATEHOUSE_EMAIL_VERIFICATION", "hush"),
    ],
)
def test_wrong_setting_gives_one_line_without_its_value_and_exit_status_2(
    manage: Manage, name: str, value: str
) -> None:
    """The line names the variable; no traceback, no secret."""
    done = manage("check", **{name: value})
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert name in done.stderr
    assert "hush" not in done.stderr


def test_prepare_local_without_its_database_gives_one_line(manage: Manage) -> None:
    """The line names the variable; no traceback, no password."""
    done = manage("prepare_local", DATABASE_URL="postgres://user:hush@127.0.0.1:1/name")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "see DATABASE_URL" in done.stderr
    assert "hush" not in done.stderr


def test_error_of_a_command_keeps_its_traceback(manage: Manage) -> None:
    """The database can be used, and holds nothing of what was asked for."""
    ask = "from django.db import connection; connection.cursor().execute('select 1 from')"
    done = manage("shell", "--no-imports", "-c", ask)
    assert done.returncode == 1
    assert "DATABASE_URL" not in done.stderr
    assert "Traceback" in done.stderr
    with closing(sqlite3.connect(manage.var / "db.sqlite3")) as database:
        database.execute("create table auth_group (id int)")
    done = manage("prepare_local")
    assert done.returncode == 1
    assert "DATABASE_URL" not in done.stderr
    assert 'table "auth_group" already exists' in done.stderr


def test_prepare_local_makes_all_that_is_missing_and_then_nothing(manage: Manage) -> None:
    """One line per thing done; the second start has nothing to say and leaves the password
    alone."""
    file = manage.var / "demo-password"
    first = manage("prepare_local", "--demo-password-file", str(file))
    assert first.returncode == 0, first.stderr
    assert [line.partition(":")[0] for line in first.stdout.splitlines()] == [
        "database",
        "e-mail",
        "person",
    ]
    password = file.read_text().strip()
    assert password not in first.stdout
    for private in (file, manage.var / "db.sqlite3"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE((manage.var / "mail").stat().st_mode) == 0o700
    second = manage("prepare_local", "--demo-password-file", str(file))
    assert (second.returncode, second.stdout) == (0, "")
    assert file.read_text().strip() == password
    check = (
        "from django.contrib.auth import authenticate; from django_site.accounts.models import "
        "User; "
    )
    check += "u = User.objects.get_by_natural_key('DEMO'); "
    check += f"print(u.check_password({password!r}), u.emailaddress_set.get().verified)"
    assert manage("shell", "-v", "0", "-c", check).stdout.strip() == "True True"


def test_prepare_local_reads_a_password_from_standard_input(manage: Manage) -> None:
    """So a test can choose it."""
    assert (
        manage("prepare_local", "--demo-password-file", "-", stdin="chosen password\n").returncode
        == 0
    )
    check = (
        "from django_site.accounts.models import User; demo = User.objects.get(username='demo'); "
    )
    check += "print(demo.check_password('chosen password'))"
    assert manage("shell", "-v", "0", "-c", check).stdout.strip() == "True"


def test_prepare_local_makes_no_demo_person_in_production(manage: Manage) -> None:
    """A public site has no account whose name everybody knows."""
    done = manage(
        "prepare_local",
        "--demo-password-file",
        str(manage.var / "demo-password"),
        GATEHOUSE_PRODUCTION="1",
    )
    assert done.returncode == 1
    assert "no demo person" in done.stderr
    assert not (manage.var / "demo-password").exists()
