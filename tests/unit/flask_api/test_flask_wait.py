"""A request that waits: what is held of it meanwhile, and that it runs again once its pause ends."""

import weakref
from collections.abc import Iterator
from typing import Any, cast

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask_api.gate.state import this_request
from flask_api.http.wait import Parked, register_parking, resumption
from shared.http.parking import PARKING, Pause, Place


class _Soon(Pause):
    """Ends as soon as it begins."""

    def begin(self, place: Place) -> None:
        """See Pause.begin."""
        place.resume()


class _AtHand:
    """What a view has at hand."""


class _Waits:
    """An application with a view that waits once; ``steps`` are what happened."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.held: list[weakref.ref[Any]] = []
        self.app = Flask("waits")
        register_parking(self.app)
        self.app.get("/")(self._view)

    def _view(self) -> str:
        before = resumption()
        if before is not None:
            return str(before.kept)
        at_hand = _AtHand()
        self.held += [weakref.ref(at_hand), weakref.ref(this_request())]
        raise Parked(
            _Soon(until=0.0), until=0.0, free=lambda: self.steps.append("freed"), kept="again"
        )

    def begin(self) -> tuple[Any, dict[str, Any]]:
        """Ask as a server does that can park; return the answer's iterable, and the environ."""
        environ = {**EnvironBuilder().get_environ(), PARKING: True}
        return self.app.wsgi_app(environ, self._start), environ

    def _start(self, status: str, *_: Any) -> Any:
        self.steps.append(status)


def test_nothing_of_the_first_request_is_held_in_its_pause() -> None:
    """Thousands wait: what their views had at hand would be most of what a process has in
    memory."""
    waits = _Waits()
    answer, environ = waits.begin()
    pieces: Iterator[bytes | Pause] = iter(answer)
    assert isinstance(next(pieces), _Soon)
    assert [each() for each in waits.held] == [None, None]
    assert (list(pieces), waits.steps) == ([b"again"], ["freed", "200 OK"])
    answer.close()
    assert waits.steps == ["freed", "200 OK"]
    assert not [name for name in environ if name == "gatehouse.resumption"]


def test_answer_that_is_closed_in_its_pause_frees_it_and_says_nothing() -> None:
    """Its client has left."""
    waits = _Waits()
    answer, _ = waits.begin()
    next(iter(answer))
    answer.close()
    answer.close()
    assert (list(answer), waits.steps) == ([], ["freed"])


def test_server_that_cannot_park_waits_in_its_thread() -> None:
    """The same answer, in one go."""
    waits = _Waits()
    body, status, _ = run_wsgi_app(cast(Any, waits.app.wsgi_app), EnvironBuilder().get_environ())
    assert (b"".join(body), status, waits.steps) == (b"again", "200 OK", ["freed"])
