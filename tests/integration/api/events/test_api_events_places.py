"""What event streams hold while they last: a place each, one reader for all,
and both are free as soon as nobody listens."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import redis
from flask import Flask

from deploy.servers import parking
from flask_api.app import release_waiters
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.api_server import event_readers, served
from tests.integration.api.listener import Listener, Listeners, listeners
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor, tell
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

PLACES = 4  # two for one person
FEW_PLACES = {
    "task_modules": (SAMPLE_TASKS,),
    "max_parked": PLACES,
    "max_parked_person": PLACES // 2,
    "stream_heartbeat_s": 0.2,
}


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with few places and quick heartbeats."""
    with running_api(api_settings, **FEW_PLACES) as app:
        yield app


def test_full_process_sends_followers_to_long_polls(streams: Listeners, visitor: Visitor) -> None:
    """Beyond the places it is 503 with Retry-After; one person gets half of them;
    a place that is left is free soon."""
    mine = [streams.open("/api/events", cookie=visitor.cookie) for _ in range(PLACES // 2)]
    refused = streams.open("/api/events", cookie=visitor.cookie)
    assert (refused.status, refused.problem["code"]) == (503, "too_many_streams")
    assert int(refused.headers["Retry-After"]) > 0
    other, third = new_visitor(), new_visitor()
    theirs = [streams.open("/api/events", cookie=other.cookie) for _ in range(PLACES // 2)]
    assert {stream.status for stream in (*mine, *theirs)} == {200}
    assert streams.open("/api/events", cookie=third.cookie).status == 503
    left_at = time.monotonic()
    mine[0].hang_up()
    wait_until(lambda: streams.open("/api/events", cookie=third.cookie).status == 200, timeout_s=5)
    assert time.monotonic() - left_at < 2


def test_one_reader_serves_every_stream_and_none_stays(
    streams: Listeners, visitor: Visitor, admin: redis.Redis
) -> None:
    """The thread starts with the first stream, reads for all of them,
    and ends with the last (see the fixture)."""
    assert not event_readers()
    opened = [
        streams.open("/api/events", cookie=each.cookie)
        for each in (visitor, visitor, new_visitor())
    ]
    for stream in opened:
        stream.wait_for("ready")
    assert len(event_readers()) == 1
    tell(admin, visitor)
    for stream in opened[:2]:
        stream.wait_for("report")
    assert opened[2].kinds() == ["ready"]


@pytest.mark.parametrize("name", ["gatehouse-events", "gatehouse-upkeep"])
def test_stream_that_can_have_no_thread_takes_no_place(
    streams: Listeners,
    visitor: Visitor,
    admin: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """It is refused as one too many, and the next one starts the thread."""
    start = threading.Thread.start

    def start_others(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_others)
        for _ in range(PLACES):
            refused = streams.open("/api/events", cookie=visitor.cookie)
            assert (refused.status, refused.problem["code"]) == (503, "too_many_streams")
    stream = streams.open("/api/events", cookie=visitor.cookie)
    stream.wait_for("ready")
    tell(admin, visitor)
    stream.wait_for("report")


def test_head_request_keeps_no_place(address: str, streams: Listeners, visitor: Visitor) -> None:
    """Whoever only asks whether there would be a stream holds none."""
    for _ in range(2 * PLACES):
        headers = {"Cookie": f"sessionid={visitor.cookie}"}
        assert (
            httpx.head(f"{address}/api/events", headers=headers, trust_env=False).status_code == 200
        )
    assert streams.open("/api/events", cookie=visitor.cookie).status == 200


def test_reader_of_nothing_loses_its_place(
    streams: Listeners, visitor: Visitor, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose socket takes nothing more is given up after a time-out;
    its thread and its place are free."""
    monkeypatch.setattr(parking, "STALL_S", 0.3)
    monkeypatch.setattr(parking, "_STALL_LOOK_S", 0.1)
    for _ in range(PLACES // 2):
        streams.open("/api/events", cookie=visitor.cookie, reads=False)
    assert streams.open("/api/events", cookie=visitor.cookie).status == 503
    for _ in range(40):
        tell(admin, visitor, text="x" * 10_000, times=25)
    wait_until(
        lambda: streams.open("/api/events", cookie=visitor.cookie).status == 200, timeout_s=60
    )


def test_client_that_left_is_noticed_without_a_heartbeat(
    api_settings: ApiSettings, visitor: Visitor
) -> None:
    """Its connection tells, long before a write would fail."""
    changes = {**FEW_PLACES, "max_parked": 1, "stream_heartbeat_s": 60}
    with (
        running_api(api_settings, **changes) as app,
        served(app) as address,
        listeners(address) as streams,
    ):
        first = streams.open("/api/events", cookie=visitor.cookie)
        first.wait_for("ready")
        assert streams.open("/api/events", cookie=visitor.cookie).status == 503
        first.hang_up()
        wait_until(
            lambda: streams.open("/api/events", cookie=visitor.cookie).status == 200, timeout_s=2
        )


def test_stopping_process_ends_its_streams_at_once(
    api_settings: ApiSettings, visitor: Visitor
) -> None:
    """With a reason that says to come back; new ones are refused; no reader is left."""
    with (
        running_api(api_settings, **FEW_PLACES) as app,
        served(app) as address,
        listeners(address) as streams,
    ):
        opened: list[Listener] = [
            streams.open("/api/events", cookie=visitor.cookie) for _ in range(2)
        ]
        for stream in opened:
            stream.wait_for("ready")
        stopped_at = time.monotonic()
        release_waiters(app)
        for stream in opened:
            assert stream.wait_for_end()[-1].data == {"reason": "stopping"}
        assert time.monotonic() - stopped_at < 1
        refused = streams.open("/api/events", cookie=visitor.cookie)
        assert (refused.status, refused.problem["code"]) == (503, "shutting_down")
        wait_until(lambda: not event_readers(), timeout_s=2)


def test_process_without_places_sends_everyone_to_long_polls(
    api_settings: ApiSettings, visitor: Visitor
) -> None:
    """max_streams=0 switches streams off."""
    with running_api(api_settings, max_streams=0) as app:
        answer = ask(app, "/api/events", cookie=visitor.cookie)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "too_many_streams")
