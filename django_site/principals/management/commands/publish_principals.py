"""``manage.py publish_principals``: make Redis say what the database says."""

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_site.publishing.background import create_background
from django_site.publishing.rebuild import Rebuilt, rebuild
from shared.errors import StoreUnavailable


class Command(BaseCommand):
    """Rebuild every principal and key entry."""

    help = (
        "Publishes everybody who has a live session or key, and every key, that differs from what "
        "Redis holds, and removes entries without a row. "
        "Safe to run at any time, beside a live service; needed after a Redis was lost or restored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --watch."""
        parser.add_argument(
            "--watch",
            action="store_true",
            help="stay and do what wsgi.py does beside requests, for a site without it: look at "
            "who is here, over and over, relay the outbox and send the mails that wait; "
            "SIGTERM ends it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild, showing progress on a terminal."""
        if options["watch"]:
            return _watch()

        def show(people: int) -> None:
            if sys.stderr.isatty():
                self.stderr.write(f"\r{people} people", ending="")

        try:
            done = rebuild(progress=show)
        except StoreUnavailable as error:
            raise CommandError(f"{error.message} Nothing is half done: run it again.") from error
        if sys.stderr.isatty():
            self.stderr.write("")
        people, keys = done["people"], done.get("keys", Rebuilt())
        self.stdout.write(
            f"{people.seen} people with a live session or key: {people.written} published, "
            f"{people.pruned} removed; "
            f"keys: {keys.written} published, {keys.pruned} removed"
        )
        return None


def _watch() -> None:
    ends = {signal.SIGTERM, signal.SIGINT}
    # Waited for, not handled: a handler comes between any two steps, also where who it interrupts
    # holds the lock that it needs. Threads that are started now leave them to this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    background = create_background()
    background.start()
    signal.sigwait(ends)
    background.stop()
