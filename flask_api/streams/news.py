"""A pause until something happens to a person's job or batch: what long-polls wait in."""

import threading
from collections.abc import Callable

from flask_api.jobs.records.events import Event
from flask_api.streams.access import Access, Verdict
from shared.http.parking import Pause, Place


class NewsPause(Pause):
    """Ends with the first event that ``concerns`` it, with its credential, or with this process.
    Thread-safe; ``close`` frees what it holds.

    It listens from when it is made: what happens before the pause begins ends it at once.
    """

    def __init__(
        self,
        owner_id: str,
        *,
        until: float,
        access: Access,
        concerns: Callable[[Event], bool],
        on_close: Callable[["NewsPause"], None],
    ) -> None:
        super().__init__(until=until)
        self.owner_id = owner_id
        self.access = access
        self._concerns = concerns
        self._on_close = on_close
        self._lock = threading.Lock()
        self._place: Place | None = None
        self._is_due = False
        self._is_open = True

    @property
    def is_over(self) -> bool:
        """Tell whether there is no use in another pause: refused, or nobody keeps it."""
        return self.access.verdict is Verdict.REFUSED or not self._is_open

    def rearm(self) -> None:
        """Wait for what happens from now on: how things stand is about to be looked at."""
        self._is_due = False

    def begin(self, place: Place) -> None:
        """See Pause.begin."""
        with self._lock:
            self._place = place
            if self._is_due or not self._is_open:
                self._resume()

    def due(self) -> None:
        """End the pause, this one or the next to begin."""
        with self._lock:
            self._is_due = True
            self._resume()

    def hear(self, events: list[Event]) -> None:
        """See Listener.hear."""
        if any(map(self._concerns, events)):
            self.due()

    def look_again(self) -> None:
        """See Listener.look_again."""
        self.due()

    def keep_up(self, now: float) -> None:
        """Do what is due: end it when its credential is no longer good."""
        del now
        if self.access.verdict is Verdict.REFUSED:
            self.due()

    def stop(self) -> None:
        """This process stops: every wait is over."""
        self._is_open = False
        self.due()

    def close(self) -> None:
        """Wait for nothing more. Idempotent."""
        self._is_open = False
        with self._lock:
            self._place = None
            on_close, self._on_close = self._on_close, lambda _: None
        on_close(self)

    def _resume(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            place.resume()
