"""Answers that go on while jobs run: the next request, and the meaning of each piece of an answer.
No input or output here.

A follower is asked for a request and is given the pieces of its answer: lines, or events of a
stream. When the answer is over it says how long to pause, and then is asked for the next request,
until ``is_done``. The same for both clients.
"""

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeAlias, TypeVar

from gatehouse.errors import (
    BadAnswer,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
    WaitTimedOut,
)
from gatehouse.protocol.events import Event, read_event
from gatehouse.protocol.flows import LONGEST_POLL_S, Delay, Patience
from gatehouse.protocol.records import JobResult
from gatehouse.protocol.requests import Order, get_events, get_results
from gatehouse.protocol.wire import ApiRequest

PieceT_contra = TypeVar("PieceT_contra", contravariant=True)
T = TypeVar("T")
NoAnswer: TypeAlias = Unavailable | TooManyRequests

_AT_ONCE_S = 0.5


class ServerSent(Protocol):
    """An event as the decoder of a stream has it."""

    @property
    def event(self) -> str:
        """The event's kind."""

    @property
    def data(self) -> str:
        """The event's data, a text."""

    @property
    def id(self) -> str:
        """The event's id: a stream can be resumed after it."""

    @property
    def retry(self) -> int | None:
        """How long to wait before the stream is resumed, in milliseconds."""


class ResponseFollower(ABC, Generic[PieceT_contra, T]):
    """An answer that is followed, over as many requests as it takes."""

    def __init__(self, *, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_done = False
        self.patience_s = patience_s
        self._clock = clock
        self._patience: Patience | None = None

    @abstractmethod
    def request(self) -> ApiRequest:
        """Return the next request."""

    @abstractmethod
    def take(self, piece: PieceT_contra) -> T | None:
        """Return what a piece of the answer means for the caller, if anything."""

    def over(self, broken: NoAnswer | None) -> Delay:
        """Return how long to pause after an answer ended, whole or broken, or there was none.
        Raises what broke it when that goes on for too long."""
        if broken is None:
            self._came_on()
            return Delay(0)
        self._patience = self._patience or Patience(self.patience_s, clock=self._clock)
        return self._patience.pause_after(broken)

    def refused(self, error: InvalidRequest) -> None:
        """Change the next request so that the service takes it, or raise the error."""
        raise error

    def _came_on(self) -> None:
        self._patience = None


class ResultsFollower(ResponseFollower[str, JobResult]):
    """A batch's results, line by line. Raises WaitTimedOut when they are not all there in time,
    as asked when it was over."""

    def __init__(
        self,
        batch_id: str,
        *,
        total: int,
        order: Order,
        timeout_s: float | None,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(patience_s=patience_s, clock=clock)
        self._batch_id = batch_id
        self._total = total
        self._order = order
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else clock() + timeout_s
        self._position = 0
        self._asked_at = 0.0
        self._longest_s = LONGEST_POLL_S
        self.is_done = total == 0

    def request(self) -> ApiRequest:
        """Ask for what comes next, as long as the next one comes in time."""
        self._asked_at = self._clock()
        wait_s = (
            self._longest_s
            if self._deadline is None
            else min(self._longest_s, self._deadline - self._asked_at)
        )
        return get_results(
            self._batch_id, order=self._order, after=self._position, wait_s=max(0.0, wait_s)
        )

    def take(self, piece: str) -> JobResult:
        """Read one line."""
        try:
            result = JobResult.from_json(json.loads(piece))
        except (ValueError, KeyError, TypeError) as error:
            raise BadAnswer("A line of the batch's results isn't a result.", status=200) from error
        self._position += 1
        self.is_done = self._position >= self._total
        self._came_on()
        return result

    def refused(self, error: InvalidRequest) -> None:
        """Poll, if this service doesn't long-poll for as long as we ask."""
        if not self._longest_s:
            raise error
        self._longest_s = 0.0

    def over(self, broken: NoAnswer | None) -> Delay:
        """Go on at once, unless the service answers at once that there is nothing yet."""
        now = self._clock()
        if not self.is_done and self._deadline is not None and self._asked_at >= self._deadline:
            raise self._timed_out() from broken
        if broken is None and not self.is_done and now - self._asked_at < _AT_ONCE_S:
            self._came_on()
            return Delay(max(0.0, min(_AT_ONCE_S, self._left_s(now))))
        pause, left_s = super().over(broken), self._left_s(now)
        if broken is not None and broken.retry_after_s > left_s > 0:
            raise self._timed_out() from broken  # no answer comes in time
        return Delay(min(pause.seconds, left_s)) if left_s > 0 else pause

    def _left_s(self, now: float) -> float:
        return math.inf if self._deadline is None else self._deadline - now

    def _timed_out(self) -> WaitTimedOut:
        return WaitTimedOut(
            f"{self._position} of the {self._total} jobs ended in {self._timeout_s:g} s; the "
            "others go on."
        )


class EventFollower(ResponseFollower[ServerSent, Event]):
    """A stream of events, taken up again where it broke:
    nothing is missed, or a ``reset`` event says that something was."""

    def __init__(self, path: str, *, last_event_id: str, patience_s: float) -> None:
        super().__init__(patience_s=patience_s)
        self._path = path
        self._last_event_id = last_event_id
        self._retry_s = 1.0

    def request(self) -> ApiRequest:
        """Ask for what comes after the last event."""
        return get_events(self._path, last_event_id=self._last_event_id)

    def take(self, piece: ServerSent) -> Event | None:
        """Read one event; the stream's last word is for us."""
        if piece.retry is not None:
            self._retry_s = min(piece.retry / 1000, LONGEST_POLL_S)
        event = read_event(piece.event, piece.id, piece.data)
        if event is None:
            return None
        self._came_on()
        self._last_event_id = event.id or self._last_event_id
        if event.kind != "end":
            return event
        # else coming back goes on, or says why not
        self.is_done = event.data.get("reason") == "finished"
        return None

    def over(self, broken: NoAnswer | None) -> Delay:
        """Return how long to pause: at least as long as the service said."""
        pause = super().over(broken)
        return Delay(0) if self.is_done else Delay(max(self._retry_s, pause.seconds))
