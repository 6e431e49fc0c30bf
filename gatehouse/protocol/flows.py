"""The requests of each call of the client, their order, and when one is sent again:
for both clients.

A flow is a generator that does no input or output itself. It yields an ApiRequest and is sent the
ApiResponse, or has Unavailable thrown into it when there is none; it yields a Pause and is sent
nothing; it returns what the caller gets.
"""

import math
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from gatehouse.errors import InvalidRequest, NotFound, TooManyRequests, Unavailable, WaitTimedOut
from gatehouse.protocol.records import JobRecord, SharedRecord
from gatehouse.protocol.requests import get_job, get_shared
from gatehouse.protocol.wire import (
    REFUSED_ON_THE_WAY,
    ApiRequest,
    ApiResponse,
    read_json,
    refusal,
)

T = TypeVar("T")
RecordT = TypeVar("RecordT", JobRecord, SharedRecord)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LONGEST_POLL_S = 20.0
LONGEST_LOOK_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Delay:
    """How long to wait before the next step."""

    seconds: float


Step: TypeAlias = ApiRequest | Delay
Flow: TypeAlias = Generator[Step, Any, T]


class Patience:
    """Backoff with a deadline: growing pauses of which half is random,
    never sooner than Retry-After says.

    Counts from the first failure: a question may be open for long,
    by its own wait or by the sleep of the machine.
    """

    def __init__(self, patience_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._deadline: float | None = None
        self._pause_s = FIRST_PAUSE_S

    def pause_after(self, error: Unavailable | TooManyRequests) -> Delay:
        """Return how long to wait before the next try;
        raises the error when that would be too late."""
        pause_s = max(self._pause_s * random.uniform(0.5, 1), error.retry_after_s)  # noqa: S311  # no secret
        now = self._clock()
        if self._deadline is None:
            self._deadline = now + self._patience_s
        if now + pause_s > self._deadline:
            raise error
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return Delay(pause_s)


def call(
    request: ApiRequest, read: Callable[[Any], T], *, patience_s: float, waits_for_room: bool = True
) -> Flow[T]:
    """Ask, and return what ``read`` makes of the answer's JSON.
    Raises the error that any other answer than success means."""
    answer = yield from ask(request, patience_s=patience_s, waits_for_room=waits_for_room)
    return read_json(answer, read)


def ask(
    request: ApiRequest, *, patience_s: float, waits_for_room: bool = True
) -> Flow[ApiResponse]:
    """Ask, again if need be: what may be repeated, what never left this machine,
    and what was refused as too much.

    Without ``waits_for_room``, or where the body can't be read again, TooManyRequests is raised at
    once; unless an answer was lost before: only the very same request can't do twice what that one
    may have done.
    """
    patience = Patience(patience_s)
    waits_for_room = waits_for_room and not request.is_read_once
    lost: Unavailable | None = None
    while True:
        try:
            answer: ApiResponse = yield request
            error = refusal(answer)
            if error is None:
                return answer
            raise error
        except Unavailable as away:
            if away.was_sent and not request.may_repeat:
                raise
            lost = away if away.was_sent else lost
            pause = patience.pause_after(away)
        except TooManyRequests as full:
            if not (waits_for_room or lost):
                raise
            pause = _pause_for_room(patience, full, lost)
        yield pause


def _pause_for_room(patience: Patience, full: TooManyRequests, lost: Unavailable | None) -> Delay:
    """Return how long to wait for room. Raises ``full`` when that would be too late: nothing was
    accepted. Who refused before the service was asked doesn't know that: ``lost`` stands then."""
    try:
        return patience.pause_after(full)
    except TooManyRequests:
        if lost is None or full.code != REFUSED_ON_THE_WAY:
            raise
        raise lost from full


def delete(request: ApiRequest, *, patience_s: float) -> Flow[None]:
    """Delete something. What was gone when it was asked for again was deleted the first time,
    and its answer lost."""
    patience = Patience(patience_s)
    was_sent = False
    while True:
        try:
            error = refusal((yield request))
        except Unavailable as away:
            error = away
        if error is None or (was_sent and isinstance(error, NotFound)):
            return
        if isinstance(error, Unavailable):
            was_sent = was_sent or error.was_sent
        elif not isinstance(error, TooManyRequests):
            raise error
        yield patience.pause_after(error)


class _WaitingTime:
    """The time that a caller gives for waiting, and the patience with a service that is away
    meanwhile: whichever is over first."""

    def __init__(
        self, what: str, *, timeout_s: float | None, patience_s: float, clock: Callable[[], float]
    ) -> None:
        self._what = what
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._clock = clock
        self._patience: Patience | None = None
        self._deadline = None if timeout_s is None else clock() + timeout_s

    def left_s(self, longest_s: float) -> float:
        """Return how long may be waited now, ``longest_s`` at most."""
        return longest_s if self._deadline is None else max(0.0, min(longest_s, self._left_s()))

    def ask(self, request: ApiRequest, read: Callable[[Any], RecordT]) -> Flow[RecordT | None]:
        """Ask once. Return the record, None if there was no answer, after a pause.

        Raises WaitTimedOut if the time was over when it was asked and the job goes on: an older
        answer may have come before the machine slept.
        """
        began = self._clock()
        try:
            record = yield from call(request, read, patience_s=0)
        except (Unavailable, TooManyRequests) as error:
            yield from self._away(error, asked_at=began)
            return None
        self._patience = None
        if not record.has_ended and self._is_over(began):
            raise WaitTimedOut(
                f"The {self._what} is still {record.status} after {self._timeout_s:g} s; "
                "it goes on."
            )
        return record

    def _away(self, error: Unavailable | TooManyRequests, *, asked_at: float) -> Flow[None]:
        """Pause after a question without an answer. Raises the error when patience is over, and
        WaitTimedOut when the time is."""
        self._patience = self._patience or Patience(self._patience_s, clock=self._clock)
        pause_s = self._patience.pause_after(error).seconds
        over = WaitTimedOut(
            f"The {self._what} was not seen to end in {self._timeout_s or 0:g} s: {error}"
        )
        if self._is_over(asked_at):
            raise over from error
        left_s = self._left_s()
        if left_s <= 0 or pause_s <= left_s:  # 0: the machine slept, maybe; it asks once more
            yield Delay(pause_s)
            return
        yield Delay(left_s)
        if error.retry_after_s > left_s:
            raise over from error

    def _is_over(self, asked_at: float) -> bool:
        return self._deadline is not None and asked_at >= self._deadline

    def _left_s(self) -> float:
        return math.inf if self._deadline is None else self._deadline - self._clock()


def wait(
    job_id: str,
    *,
    timeout_s: float | None,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[JobRecord]:
    """Return the job's record when it has ended. Raises WaitTimedOut after ``timeout_s``, also
    where the service is away then; the job goes on."""
    waiting = _WaitingTime(f"job {job_id}", timeout_s=timeout_s, patience_s=patience_s, clock=clock)
    longest_s, pause_s = LONGEST_POLL_S, FIRST_PAUSE_S
    while True:
        began, left_s = clock(), waiting.left_s(longest_s)
        try:
            record = yield from waiting.ask(get_job(job_id, wait_s=left_s), JobRecord.from_json)
        except InvalidRequest:
            if not left_s:
                raise
            # this service doesn't long-poll for as long as we asked: poll instead
            longest_s = 0.0
            continue
        if record is not None and record.has_ended:
            return record
        # the server has no thread left for a long-poll: it answered at once
        if record is not None and (clock() - began < min(left_s, 0.5) or not left_s):
            yield Delay(waiting.left_s(pause_s))
            pause_s = min(pause_s * 1.5, 1.0)


def wait_shared(
    token: str,
    *,
    timeout_s: float | None,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[SharedRecord]:
    """Return what is shown of a shared job when it has ended, by asking with growing pauses:
    nobody long-polls at such an address. Raises WaitTimedOut after ``timeout_s``."""
    waiting = _WaitingTime("shared job", timeout_s=timeout_s, patience_s=patience_s, clock=clock)
    pause_s = FIRST_PAUSE_S
    while True:
        record = yield from waiting.ask(get_shared(token), SharedRecord.from_json)
        if record is None:
            continue
        if record.has_ended:
            return record
        yield Delay(waiting.left_s(pause_s))
        pause_s = min(pause_s * 1.5, LONGEST_LOOK_PAUSE_S)
