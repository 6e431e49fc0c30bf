"""How long a request wants to wait for a change (``?wait=20``, or ``Prefer: wait=20`` of RFC 7240),
and how it waits without a thread.

A view that has to wait raises :class:`Parked`. Its request is over then, as far as Flask is
concerned; when the pause ends, the same request runs again from its beginning, in some thread of
the server: the gate decides again, and the view finds in :func:`resumption` what it kept.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, cast

from flask import Flask, Response, current_app
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.wsgi import ClosingIterator

from flask_api.gate.state import gate_state, this_request
from flask_api.http.query import InvalidQuery, QueryProblem, read_query
from shared.http.parking import PARKING, InThread, Pause

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_RESUMPTION = "gatehouse.resumption"  # no header can set it: theirs begin with HTTP_
_PREFERENCE = re.compile(
    r'(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])', re.ASCII | re.IGNORECASE
)


class WaitQuery(BaseModel):
    """``?wait=``: how many seconds to wait for the job's end before the answer."""

    model_config = ConfigDict(extra="forbid")

    wait: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="How many seconds to wait for the job's end before the answer."
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait, and the headers that say so."""

    seconds: float
    headers: dict[str, str] = field(default_factory=dict)


def read_wait() -> Wait:
    """Return the wait that the request asks for, 0 by default.

    A parameter over the longest wait is refused with InvalidQuery; a mere preference over it is
    cut, which ``Preference-Applied`` shows, and one that can't be read is ignored.
    """
    wait_s = read_query(WaitQuery).wait
    if wait_s is not None:
        return Wait(within(wait_s, gate_state().settings.max_wait_s))
    preferred = _PREFERENCE.search(this_request().environ.get("HTTP_PREFER", ""))
    if preferred is None:
        return Wait(0)
    seconds = min(int(preferred[1]), gate_state().settings.max_wait_s)
    return Wait(seconds, {"Preference-Applied": f"wait={seconds}"})


def within(wait_s: float, longest_s: float) -> float:
    """Return ``wait_s``, or raise InvalidQuery when it is longer than this server lets anybody
    wait."""
    if wait_s > longest_s:
        raise InvalidQuery(
            [QueryProblem(parameter="wait", detail=f"must be 0 to {longest_s} seconds")]
        )
    return wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """What a request that has waited knows from before: until when it may wait at most
    (time.monotonic), and what its view kept."""

    until: float
    kept: Any


class Parked(Exception):  # not an error
    """Raised by a view: nothing to say before this pause ends. ``free`` is called once when it is
    over, however it ends."""

    def __init__(self, pause: Pause, *, until: float, free: Callable[[], None], kept: Any) -> None:
        super().__init__()
        self.pause = pause
        self.free = free
        self.resumption = Resumption(until=until, kept=kept)


class PausingResponse(Response):
    """An answer whose body's iterable may pause."""

    def get_app_iter(self, environ: "WSGIEnvironment") -> Iterable[bytes]:
        """Return the body as this request's server can take it."""
        body = super().get_app_iter(environ)
        return body if can_park(environ) else InThread(body, environ, close=self.close)


class _Wait(NamedTuple):
    pause: Pause
    free: Callable[[], None]
    resumption: Resumption


class ParkedResponse(Response):
    """The answer to a request that waits: that of the same request, asked again after its pause."""

    def __init__(self, parked: Parked) -> None:
        super().__init__()
        # Not the exception: its traceback has all that the view and its callers had at hand, this
        # response too.
        self._wait = _Wait(parked.pause, parked.free, parked.resumption)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Wait, and answer then: nothing is begun before."""
        app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
        answer = _WaitingAnswer(app, self._wait, environ, start_response)
        self.close()  # the first request is over
        if can_park(environ):
            return cast("Iterable[bytes]", answer)
        return InThread(answer, environ, close=answer.close)


class _WaitingAnswer:
    """What a request that waits is answered with: a pause, then the pieces of the real answer.

    Thousands of these wait in one process: nothing of the first request is held but its environ.
    """

    __slots__ = (
        "_answer",
        "_app",
        "_environ",
        "_free",
        "_pieces",
        "_resumption",
        "_start_response",
    )

    def __init__(
        self,
        app: Flask,
        wait: _Wait,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
    ) -> None:
        self._app = app
        self._environ = environ
        self._start_response = start_response
        self._resumption = wait.resumption
        self._free: Callable[[], None] | None = wait.free
        self._pieces: Iterator[bytes | Pause] = iter((wait.pause,))
        self._answer: ClosingIterator | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes | Pause:
        for piece in self._pieces:
            return piece
        if self._free is None:
            raise StopIteration
        self._end_pause()
        again = {**self._environ, _RESUMPTION: self._resumption}
        again.pop("werkzeug.request", None)  # of the first time; it would be kept alive
        # The application's own, without what wraps it: that has seen this request already.
        answer = Flask.wsgi_app(self._app, again, self._start_response)
        self._answer = cast(ClosingIterator, answer)
        self._pieces = iter(self._answer)
        return next(self._pieces)

    def close(self) -> None:
        """End the wait and the answer. Idempotent."""
        self._end_pause()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    def _end_pause(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            free()


def resumption() -> Resumption | None:
    """Return what this request knows from before it waited; None at first."""
    return cast("Resumption | None", this_request().environ.get(_RESUMPTION))


def wait_until(wait_s: float) -> float:
    """Return until when this request may wait (time.monotonic): it is said once,
    however often it pauses."""
    before = resumption()
    return time.monotonic() + wait_s if before is None else before.until


def can_park(environ: "WSGIEnvironment") -> bool:
    """Tell whether the server holds a request without a thread."""
    return bool(environ.get(PARKING))


def register_parking(app: Flask) -> None:
    """Let the views of ``app`` raise Parked."""
    app.register_error_handler(Parked, ParkedResponse)
