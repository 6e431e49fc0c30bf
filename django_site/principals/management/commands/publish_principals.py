"""``manage.py publish_principals``: make Redis say what the database says."""

import signal
import sys
import threading
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
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    background = create_background()
    background.start()
    stopping.wait()
    background.stop()
