"""A laptop sleeps while jobs run elsewhere: what is known here is right soon after it wakes.
Time is moved by the tests."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from flask_api.testing.clock import FakeClock
from gatehouse import Client, Unavailable, WaitTimedOut
from gatehouse.executor.calls import Call
from gatehouse.executor.executor_thread import ExecutorThread, Times
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.sleep_watch import SleepWatch
from gatehouse.protocol.flows import Patience, wait
from gatehouse.protocol.followers import ResultsFollower
from gatehouse.protocol.wire import ApiRequest, ApiResponse
from tests.e2e.service import ServiceProcess
from tests.integration.redis.fault_proxy import fault_proxy
from tests.waiting import wait_until

A_NIGHT_S = 8 * 3600
SOON_S = 20  # less than what a dead connection is waited for


@pytest.mark.parametrize("runs_on", ["wall", "monotonic"])
def test_sleep_is_seen_once_by_whichever_clock_ran_on(runs_on: str) -> None:
    """On Linux and macOS the wall clock alone; where a process is stopped, and on Windows, both."""
    clocks = {"wall": FakeClock(1.8e9), "monotonic": FakeClock()}
    watch = SleepWatch(**clocks)
    clocks["wall"].advance(0.1)
    clocks["monotonic"].advance(0.1)
    assert not watch.was_asleep()
    clocks[runs_on].advance(A_NIGHT_S)
    assert watch.was_asleep()
    assert not watch.was_asleep()


def test_future_whose_job_ended_during_the_sleep_has_its_result_at_once(
    service: ServiceProcess, key: str, gate: Path
) -> None:
    """Every connection died without a word: nothing waits for them when the machine wakes."""
    wall = FakeClock(1.8e9)
    with (
        fault_proxy(("127.0.0.1", service.port)) as proxy,
        Client(f"http://127.0.0.1:{proxy.port}", key) as client,
    ):
        times = Times(patience_s=10, exit_wait_s=10, sleep_watch=SleepWatch(wall=wall))
        thread = ExecutorThread(client.connection, times, on_end=lambda: None)
        future = RemoteFuture(Call.of("sample.hold", (str(gate),), {}), thread.cancel)
        thread.add([future])
        wait_until(Path(f"{gate}.runs").exists, timeout_s=SOON_S)
        wait_until(lambda: future.place is not None, timeout_s=SOON_S)
        proxy.freeze()
        gate.touch()
        wall.advance(A_NIGHT_S)
        assert future.result(SOON_S) == 1
        thread.close()
        thread.join()


def test_wait_whose_answer_is_from_before_the_sleep_asks_once_more() -> None:
    """Its time is over when the machine wakes, and the job has ended:
    that is what the caller hears."""
    clock = FakeClock()
    flow = wait("x", timeout_s=60, patience_s=5, clock=clock)
    assert "wait" in dict(next(flow).params)  # type: ignore[union-attr]
    clock.advance(A_NIGHT_S)
    _go_on(flow, "running")
    with pytest.raises(StopIteration) as ended:
        _go_on(flow, "succeeded")
    assert ended.value.value.status == "succeeded"


def test_wait_says_that_time_is_over_when_asked_at_its_end() -> None:
    """As without a sleep."""
    clock = FakeClock()
    flow = wait("x", timeout_s=10, patience_s=5, clock=clock)
    next(flow)
    clock.advance(10)
    _go_on(flow, "running")
    with pytest.raises(WaitTimedOut, match="still running after 10 s"):
        _go_on(flow, "running")


def test_results_are_asked_for_once_more_after_the_sleep() -> None:
    """The connection broke meanwhile, and the time is over:
    only the next answer says what did not end in time."""
    clock = FakeClock()
    follower = ResultsFollower(
        "b", total=2, order="completion", timeout_s=60, patience_s=5, clock=clock
    )
    follower.request()
    clock.advance(A_NIGHT_S)
    follower.over(Unavailable("gone", was_sent=True))
    assert "wait" not in dict(follower.request().params), "it asks for what is there now"
    with pytest.raises(WaitTimedOut):
        follower.over(None)


def test_patience_begins_with_the_first_failure() -> None:
    """A question that was open for a night may still be asked again."""
    clock = FakeClock()
    patience = Patience(5, clock=clock)
    clock.advance(A_NIGHT_S)
    away = Unavailable("away", was_sent=True)
    assert patience.pause_after(away).seconds < 1
    clock.advance(5)
    with pytest.raises(Unavailable):
        patience.pause_after(away)


def _go_on(flow: Generator[Any, Any, Any], status: str) -> None:
    """Give the flow a job's record; it asks again, or ends."""
    nothing = dict.fromkeys(
        ("progress", "batch", "submitted_at", "started_at", "finished_at", "expires_at")
    )
    record = {
        "id": "x",
        "task": "t",
        "status": status,
        "arguments": {},
        "attempt": 1,
        "cancel_requested": False,
        "files": [],
    }
    body = json.dumps(record | nothing).encode()
    asked = flow.send(
        ApiResponse(status=200, headers={"content-type": "application/json"}, body=body)
    )
    assert isinstance(asked, ApiRequest)
