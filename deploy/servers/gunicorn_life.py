"""How gunicorn's worker begins and how it is told to end."""

from typing import Any

from gunicorn.errors import AppImportError
from gunicorn.workers.gthread import ThreadWorker

from shared.errors import ConfigurationError


class WorkerLife(ThreadWorker):
    """A worker whose application may be impossible to build, and whose locks a signal may find
    held."""

    def load_wsgi(self) -> None:
        """Build the application. A setting that makes it impossible is a line and ends the start:
        no other worker would do better."""
        try:
            super().load_wsgi()
        except ConfigurationError as error:
            raise AppImportError(f"gatehouse: {error}") from error

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Quit at once, without gthread's step: its lock may be held where the signal came."""
        super(ThreadWorker, self).handle_quit(sig, frame)
