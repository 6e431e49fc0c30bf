"""The requests of each call of the client, their order, and when one is sent again:
for both clients.

A flow is a generator that does no input or output itself. It yields an ApiRequest and is sent the
ApiResponse, or has Unavailable thrown into it when there is none; it yields a Pause and is sent
nothing; it returns what the caller gets.
"""

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

    Without ``waits_for_room`` TooManyRequests is raised at once, unless an answer was lost before:
    only the very same request can't do twice what that one may have done.
    """
    patience = Patience(patience_s)
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


def wait(
    job_id: str,
    *,
    timeout_s: float | None,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[JobRecord]:
    """Return the job's record when it has ended. Raises WaitTimedOut after ``timeout_s``;
    the job goes on.

    Only what was asked when the time was over says so:
    an older answer may have come before the machine slept.
    """
    deadline = None if timeout_s is None else clock() + timeout_s
    longest_s, pause_s = LONGEST_POLL_S, FIRST_PAUSE_S
    while True:
        began = clock()
        left_s = longest_s if deadline is None else max(0.0, min(longest_s, deadline - began))
        try:
            record = yield from call(
                get_job(job_id, wait_s=left_s), JobRecord.from_json, patience_s=patience_s
            )
        except InvalidRequest:
            if not left_s:
                raise
            # this service doesn't long-poll for as long as we asked: poll instead
            longest_s = 0.0
            continue
        if record.has_ended:
            return record
        if deadline is not None and began >= deadline:
            raise WaitTimedOut(
                f"The job {job_id} is still {record.status} after {timeout_s:g} s; it goes on."
            )
        now = clock()
        # the server has no thread left for a long-poll: it answered at once
        if now - began < min(left_s, 0.5) or not left_s:
            yield Delay(pause_s if deadline is None else max(0.0, min(pause_s, deadline - now)))
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
    deadline = None if timeout_s is None else clock() + timeout_s
    pause_s = FIRST_PAUSE_S
    while True:
        began = clock()
        record = yield from call(get_shared(token), SharedRecord.from_json, patience_s=patience_s)
        if record.has_ended:
            return record
        if deadline is not None and began >= deadline:
            raise WaitTimedOut(
                f"The shared job is still {record.status} after {timeout_s:g} s; it goes on."
            )
        yield Delay(pause_s if deadline is None else max(0.0, min(pause_s, deadline - clock())))
        pause_s = min(pause_s * 1.5, LONGEST_LOOK_PAUSE_S)
