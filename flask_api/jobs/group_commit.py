"""Group commit: threads that write at the same moment share one round trip.

Who comes while nobody writes, writes at once, without a timer and without company. Who comes while
a round trip is under way waits for its end; then the first of them writes for all that have
gathered. Each gets its own answer, after the round trip that its entry was in.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from shared.errors import StoreUnavailable


class Entry(NamedTuple):
    """What one thread wants written. Entries with an equal ``kind`` may share a round trip."""

    keys: Sequence[str]
    arguments: Sequence[Any]
    kind: tuple[Any, ...]
    size: int  # in bytes, about


A = TypeVar("A")
MOST_ENTRIES = 64
MOST_BYTES = 1_000_000


class GroupCommit(Generic[A]):
    """Gives entries to ``write``, several at a time, never in two threads at once. Thread-safe.

    ``write`` returns an answer for each; what it raises is raised for each of that round trip, and
    of no other. An entry waits at most ``patience_s`` for the round trip before its own: then
    ``too_slow`` is raised, and it was not written. ``write`` must be bounded in time.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Entry]], Sequence[A]],
        *,
        patience_s: float,
        too_slow: Callable[[], Exception],
    ) -> None:
        self._write = write
        self._patience_s = patience_s
        self._too_slow = too_slow
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[A]] = deque()
        self._is_writing = False

    def run(self, entry: Entry) -> A:
        """Write an entry, with those of other threads if they come at the same moment."""
        ticket = _Ticket[A](entry)
        with self._lock:
            is_first = not self._is_writing
            if is_first:
                self._is_writing = True
            else:
                ticket.queue()
                self._waiting.append(ticket)
        if is_first or self._waits_to_lead(ticket):
            self._lead(ticket)
        return ticket.answer()

    def _waits_to_lead(self, ticket: "_Ticket[A]") -> bool:
        """Wait for the answer, or for the turn to write: True then."""
        if not ticket.wait(self._patience_s):
            with self._lock:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                    raise self._too_slow()
            ticket.wait(None)  # it is being written, which is bounded in time
        return ticket.leads

    def _lead(self, ticket: "_Ticket[A]") -> None:
        """Write what has gathered, let the next begin, then tell those who waited for this."""
        with self._lock:
            group = [ticket, *self._company_of(ticket.entry)]
        try:
            answers = self._write([each.entry for each in group])
            for each, answer in zip(group, answers, strict=True):
                each.result = answer
        except BaseException as error:
            for each in group:
                each.error = error
            ticket.error = None
            raise
        finally:
            self._let_next_lead()
            for each in group[1:]:
                each.wake()

    def _company_of(self, first: Entry) -> list["_Ticket[A]"]:
        company: list[_Ticket[A]] = []
        size = first.size
        while self._waiting and len(company) + 1 < MOST_ENTRIES:
            entry = self._waiting[0].entry
            size += entry.size
            if entry.kind != first.kind or size > MOST_BYTES:
                break
            company.append(self._waiting.popleft())
        return company

    def _let_next_lead(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_writing = False
                return
            following = self._waiting.popleft()
        following.leads = True
        following.wake()


class _Ticket(Generic[A]):
    """One entry on its way. ``result`` or ``error`` is set by who writes it."""

    __slots__ = ("_woken", "entry", "error", "leads", "result")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.leads = False
        self.result: A | None = None
        self.error: BaseException | None = None
        self._woken = threading.Lock()

    def queue(self) -> None:
        """Prepare to wait."""
        self._woken.acquire()

    def wait(self, timeout_s: float | None) -> bool:
        """Block until :meth:`wake`; False when that takes too long."""
        return self._woken.acquire(timeout=-1 if timeout_s is None else timeout_s)

    def wake(self) -> None:
        """Let its thread go on."""
        self._woken.release()

    def answer(self) -> A:
        """Return what was answered, or raise what the round trip raised: to each thread its own
        exception, with the same cause."""
        if self.error is None:
            return self.result  # type: ignore[return-value]  # one of the two is set
        if isinstance(self.error, StoreUnavailable):
            raise type(self.error)(self.error.message) from self.error.__cause__
        raise RuntimeError("the round trip of several failed") from self.error
