"""``manage.py relay_jobs``: submit what waits in the outbox."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_site.submitting.outbox import forget_refused, relay
from django_site.submitting.relay_thread import EVERY_S, FORGET_EVERY_S, LONGEST_PAUSE_S


class Command(BaseCommand):
    """Relay the outbox."""

    help = (
        "Submits the jobs of the outbox that are due. Safe to run at any time, beside a live "
        "service and beside itself: each becomes one job. A service that runs by wsgi.py or "
        "gunicorn does it by itself; so does publish_principals --watch."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --watch."""
        parser.add_argument("--watch", action="store_true", help="stay, and look every two seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        """Relay what is due, once or over and over."""
        pause_s, forget_at = EVERY_S, 0.0
        while True:
            count, is_there = relay()
            if time.monotonic() >= forget_at:
                forget_at = time.monotonic() + FORGET_EVERY_S
                forget_refused()
            if count:
                self.stdout.write(f"{count} jobs accepted")
                continue
            if not options["watch"]:
                break
            pause_s = EVERY_S if is_there else min(LONGEST_PAUSE_S, 2 * pause_s)
            time.sleep(pause_s)
        if not is_there:
            raise CommandError("The API is away; what waits stays. The admin shows why.")
