"""Event streams of the whole service, under each server:
live, taken up again, bounded, ended by log-out and by a stop."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.settings import ROOT
from tests.e2e.prepared import clean_environment
from tests.e2e.service import COMMANDS, PATIENT, Browser, ServiceProcess
from tests.integration.api.listener import Listener, Listeners, listeners
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until

PLACES = 4
DRAIN_S = 10
SETTINGS = {
    "task_modules": SAMPLE_TASKS,
    "max_parked": str(PLACES),
    "max_parked_person": str(PLACES // 2),
    # two of them, until a write fails, take longer than a client that left may keep its place
    "stream_heartbeat_s": "2",
    "server_workers": "1",
    "drain_s": str(DRAIN_S),
}


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service that the tests of this module share; the last one stops it."""
    with ServiceProcess(
        tmp_path_factory.mktemp(f"events-{request.param}"), server=request.param, **SETTINGS
    ) as service:
        yield service


@pytest.fixture
def browser(service: ServiceProcess) -> Browser:
    """A browser that the service's person is logged in with."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


@pytest.fixture
def streams(service: ServiceProcess) -> Iterator[Listeners]:
    """Opens streams of the service, and waits until the server has its places back."""
    with listeners(service.address) as opened:
        yield opened


def submit(browser: Browser, task: str, *, wait: int = 0, **arguments: Any) -> str:
    """Submit a job as a page's script does; return its id."""
    body = {"task": task, "arguments": arguments}
    answer = browser.http.post(
        f"/api/jobs?wait={wait}", json=body, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def follow(
    streams: Listeners, browser: Browser, path: str = "/api/events", **options: Any
) -> Listener:
    """Open a stream; while places of the test before are still being freed, again."""
    opened: list[Listener] = []

    def is_open() -> bool:
        opened.append(streams.open(path, cookie=browser.cookie, **options))
        return opened[-1].status == 200

    wait_until(is_open, timeout_s=5, what="a place is free")
    return opened[-1]


def test_events_come_as_they_happen_and_none_is_lost_between_streams(
    streams: Listeners, browser: Browser
) -> None:
    """No server holds an event back; broken off and taken up again, each is told once."""
    stream = follow(streams, browser)
    stream.wait_for("ready")
    wait_until(lambda: stream.wire.comments, timeout_s=5, what="heartbeats pass too")
    first = submit(browser, "sample.echo", wait=5)
    wait_until(lambda: (first, "succeeded") in stream.statuses(), timeout_s=1)
    stream.hang_up()
    second = submit(browser, "sample.echo", wait=5)
    again = follow(streams, browser, last_event_id=stream.wire.last_id)
    wait_until(lambda: (second, "succeeded") in again.statuses(), timeout_s=5)
    assert again.statuses_of(second) == ["running", "succeeded"]
    assert {name for name, _ in again.statuses()} == {second}
    of_job = follow(streams, browser, f"/api/jobs/{second}/events")
    assert [event.kind for event in of_job.wait_for_end()] == ["ready", "status", "end"]


def test_place_of_a_client_that_left_is_free_soon(
    service: ServiceProcess, streams: Listeners, browser: Browser
) -> None:
    """A page that is loaded again and again doesn't fill the places with its former selves."""
    for _ in range(3):
        opened = [follow(streams, browser) for _ in range(PLACES // 2)]
        refused = streams.open("/api/events", cookie=browser.cookie)
        assert (refused.status, refused.problem["code"]) == (503, "too_many_streams")
        assert browser.http.get("/api/me").status_code == 200
        left_at = time.monotonic()
        for stream in opened:
            stream.hang_up()
        follow(streams, browser).hang_up()
        assert time.monotonic() - left_at < 2
    assert "Traceback" not in service.log


def test_client_that_reads_nothing_is_given_up(
    service: ServiceProcess, streams: Listeners, browser: Browser
) -> None:
    """When its socket has taken nothing for a while its thread is free again,
    and the log is not full of it."""
    follow(streams, browser, reads=False)
    person = browser.http.get("/api/me").json()["id"]
    with redis.Redis.from_url(service.valkey.url("admin")) as admin:
        event = '{"event":"report","text":"%s"}' % ("x" * 50_000)
        for _ in range(200):
            admin.xadd(f"gatehouse:jobs:events:{person}", {"job": "j", "event": event})
    # Places: the stuck stream's, and one more; a third opens when the stuck one is gone.
    follow(streams, browser)
    wait_until(
        lambda: streams.open("/api/events", cookie=browser.cookie).status == 200,
        timeout_s=20,
        what="the place is free",
    )
    assert "Traceback" not in service.log


def test_log_out_ends_the_streams_of_this_log_in_only(
    streams: Listeners, browser: Browser, service: ServiceProcess
) -> None:
    """Within two seconds, by the real form; the person's other browser goes on."""
    elsewhere = service.new_browser()
    elsewhere.log_in()
    here, there = follow(streams, browser), follow(streams, elsewhere)
    browser.log_out()
    out_at = time.monotonic()
    assert here.wait_for_end(timeout_s=5)[-1].data == {"reason": "refused"}
    assert time.monotonic() - out_at < 2
    job = submit(elsewhere, "sample.echo", wait=5)
    wait_until(lambda: (job, "succeeded") in there.statuses(), timeout_s=5)


def test_stop_ends_streams_first_and_loses_nothing(
    service: ServiceProcess, streams: Listeners, browser: Browser, tmp_path: Path
) -> None:
    """SIGTERM: every stream says why it ends, at once;
    the running job is finished and the exit is clean and in time."""
    opened = [follow(streams, browser) for _ in range(PLACES // 2)]
    job = submit(browser, "sample.steps", count=30, step_s=0.05)
    opened[0].wait_for("report")
    stopped_at = time.monotonic()
    service.ask_to_stop()
    for stream in opened:
        assert stream.wait_for_end()[-1].data == {"reason": "stopping"}
    assert time.monotonic() - stopped_at < 2
    assert service.wait_for_exit(DRAIN_S) == 0, service.log
    assert "Traceback" not in service.log
    with redis.Redis.from_url(service.valkey.url("admin"), decode_responses=True) as admin:
        assert admin.hget(f"gatehouse:jobs:record:{job}", "status") == "succeeded"


def test_settings_that_leave_no_thread_free_stop_the_start(tmp_path: Path) -> None:
    """Streams and long-polls may not be allowed all threads: one line names the variable."""
    environment = {**clean_environment(tmp_path), "GATEHOUSE_SERVER_THREADS": "16"}
    done = subprocess.run(
        COMMANDS["cherrypy"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert re.match(r"gatehouse: GATEHOUSE_SERVER_THREADS: ", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
