"""The caller's time for waiting holds while the service is away, and patience begins anew with each
answer."""

import json
import time
from collections.abc import Callable

import pytest

from flask_api.testing.clock import FakeClock
from gatehouse import Client, TooManyRequests, Unavailable, WaitTimedOut
from gatehouse.protocol.flows import Delay, wait, wait_shared
from gatehouse.protocol.followers import ResultsFollower
from gatehouse.protocol.wire import ApiRequest, ApiResponse
from tests.client.odd_server import Page
from tests.client.transport.test_answers import asking
from tests.ports import free_port

AWAY = Unavailable("reset")
RUNNING = {
    **dict.fromkeys(
        ("progress", "batch", "submitted_at", "started_at", "finished_at", "expires_at")
    ),
    **{"id": "x", "task": "t", "status": "running", "arguments": {}, "attempt": 1},
    **{"cancel_requested": False, "files": []},
}


WAITS: list[Callable[[Client], object]] = [
    lambda client: client.connection.run(wait("x", timeout_s=0.5, patience_s=60)),
    lambda client: client.connection.run(wait_shared("x", timeout_s=0.5, patience_s=60)),
    lambda client: list(
        client.connection.follow(
            ResultsFollower("b", total=1, order="completion", timeout_s=0.5, patience_s=60)
        )
    ),
]
FULL = Page(429, "full", {"Retry-After": "30"})


@pytest.mark.parametrize("wait_for", WAITS, ids=["job", "shared", "batch"])
@pytest.mark.parametrize("pages", [(), (FULL,), (Page(503, "away"),)], ids=["gone", "429", "503"])
def test_time_of_the_caller_holds_while_the_service_is_away(
    wait_for: Callable[[Client], object], pages: tuple[Page, ...]
) -> None:
    """Longer patience is for calls without a time of their own."""
    began = time.monotonic()
    if pages:
        with asking(*pages, patience_s=60) as (_, client), pytest.raises(WaitTimedOut):
            wait_for(client)
    else:
        nobody = f"http://127.0.0.1:{free_port()}"
        with Client(nobody, "gh_x", patience_s=60) as client, pytest.raises(WaitTimedOut):
            wait_for(client)
    assert time.monotonic() - began < 5


def test_wait_is_not_over_before_its_time_whatever_the_service_says() -> None:
    """Who polls with short waits asks no sooner than Retry-After says, and not in a loop."""
    clock = FakeClock()
    flow = wait("x", timeout_s=4, patience_s=60, clock=clock)
    assert isinstance(next(flow), ApiRequest)
    pause = flow.throw(Unavailable("later", retry_after_s=5))
    assert pause == Delay(4)
    clock.advance(4)
    with pytest.raises(WaitTimedOut, match="was not seen to end in 4 s: later"):
        next(flow)


def test_patience_without_a_time_ends_with_the_error() -> None:
    """It counts from the first failure; each answer ends it."""
    clock = FakeClock()
    flow = wait("x", timeout_s=None, patience_s=5, clock=clock)
    body = json.dumps(RUNNING).encode()
    answer = ApiResponse(status=200, headers={"content-type": "application/json"}, body=body)
    step: object = next(flow)
    for _ in range(3):
        assert isinstance(step, ApiRequest)
        assert isinstance(flow.throw(AWAY), Delay)
        next(flow)
        clock.advance(100)
        step = flow.send(answer)
    assert isinstance(flow.throw(AWAY), Delay)
    next(flow)
    clock.advance(6)
    with pytest.raises(Unavailable):
        flow.throw(AWAY)


def test_results_that_break_off_seldom_are_followed_on() -> None:
    """Hours may lie between two breaks in which no job ended: each has its own patience."""
    clock = FakeClock()
    follower = ResultsFollower(
        "b", total=1, order="completion", timeout_s=None, patience_s=5, clock=clock
    )
    for broken in (AWAY, None, TooManyRequests("full", status=429, code="x", retry_after_s=1)):
        follower.request()
        clock.advance(100)
        follower.over(broken)
    follower.request()
    clock.advance(6)
    with pytest.raises(Unavailable):
        follower.over(AWAY)
