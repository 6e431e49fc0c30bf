"""``manage.py prepare_local``: make the database ready, and a person to try things with.

script/server runs it at each start, so it is quick when there is nothing to do.
"""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from django_site.accounts.models import User
from django_site.mail import FILES
from django_site.publishing.database_check import reason_unusable, sqlite_file

DEMO_USERNAME = "demo"
DEMO_EMAIL = "demo@localhost.localdomain"


class Command(BaseCommand):
    """Idempotent, and quick when there is nothing to do.
    Prints one line per thing done, never a password."""

    help = "Migrate the database and, with --demo-password-file, create the person 'demo'."
    requires_system_checks: list[str] = []  # they would double the time of a start

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --demo-password-file."""
        parser.add_argument(
            "--demo-password-file",
            metavar="PATH",
            help="create the person 'demo' with the password in this file, made with a random one "
            "if absent; - is stdin",
        )

    def handle(self, *_args: Any, demo_password_file: str | None, **_options: Any) -> None:
        """Do what is not done yet. Raises CommandError when the database is away,
        and for a demo person in production."""
        try:
            self._migrate()
        except OperationalError as error:
            if not (reason := reason_unusable(error)):
                raise
            raise CommandError(
                f"the database does not answer, see DATABASE_URL: {reason}"
            ) from error
        self._make_mail_folder()
        if demo_password_file is not None:
            if settings.SITE.production:
                raise CommandError(
                    "the production profile gets no demo person: leave out --demo-password-file"
                )
            self._make_demo(demo_password_file)

    def _migrate(self) -> None:
        if file := sqlite_file():
            # Made here, for its owner only: it will hold password hashes.
            # SQLite gives its side files the same mode.
            file.touch(mode=0o600)
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", verbosity=0, interactive=False)
            self.stdout.write(f"database: {len(plan)} migrations applied")

    def _make_mail_folder(self) -> None:
        folder: Path = settings.EMAIL_FILE_PATH
        if FILES.backend == settings.EMAIL_BACKEND and not folder.is_dir():
            # a reset link in a mail is as good as a password
            folder.mkdir(mode=0o700, parents=True)
            self.stdout.write(f"e-mail: goes to files in {folder}")

    def _make_demo(self, password_file: str) -> None:
        if User.objects.filter(username=DEMO_USERNAME).exists():
            return
        password = _password(password_file)
        with transaction.atomic():
            demo = User.objects.create_user(DEMO_USERNAME, DEMO_EMAIL, password)
            EmailAddress.objects.create(user=demo, email=DEMO_EMAIL, verified=True, primary=True)
        self.stdout.write(f"person: {DEMO_USERNAME} created, password in {password_file}")


def _password(path: str) -> str:
    """Return the password in the file or on standard input;
    a file that isn't there is made, readable by its owner only."""
    if path == "-":
        password = sys.stdin.readline().strip()
    else:
        file = Path(path)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as output:
                output.write(secrets.token_urlsafe(12) + "\n")
        password = file.read_text().strip()
    if not password:
        raise CommandError("the demo person's password is empty")
    return password
