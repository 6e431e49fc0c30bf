"""How event streams last and end: soon for who may no longer see, never for a slow reader,
and not while Redis is away."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.api_server import served
from tests.integration.api.listener import Listeners, listeners
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor, tell
from tests.integration.redis.fault_proxy import Fault, fault_proxy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

LIVELY = {"task_modules": (SAMPLE_TASKS,), "stream_heartbeat_s": 0.2}


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with quick heartbeats."""
    with running_api(api_settings, **LIVELY) as app:
        yield app


def test_event_comes_soon(streams: Listeners, visitor: Visitor, admin: redis.Redis) -> None:
    """A tenth of a second from Redis to the client; a busy machine is given more."""
    stream = streams.open("/api/events", cookie=visitor.cookie)
    stream.wait_for("ready")
    delays_s = []
    for number in range(1, 11):
        told_at = time.perf_counter()
        tell(admin, visitor)
        stream.wait_for("report", count=number)
        delays_s.append(time.perf_counter() - told_at)
    assert sorted(delays_s)[5] < 0.1, delays_s


def test_silent_stream_shows_that_it_lives(streams: Listeners, visitor: Visitor) -> None:
    """By comments, which are no events."""
    stream = streams.open("/api/events", cookie=visitor.cookie)
    wait_until(lambda: stream.wire.comments >= 3, timeout_s=5)
    assert stream.kinds() == ["ready"]


def _log_out(visitor: Visitor) -> None:
    assert visitor.browser.post("/accounts/logout/").status_code == 302


def _deactivate(visitor: Visitor) -> None:
    visitor.person.is_active = False
    visitor.person.save()


def _change_password(visitor: Visitor) -> None:
    visitor.person.set_password("quite another passphrase 7")
    visitor.person.save()


@pytest.mark.parametrize("revoke", [_log_out, _deactivate, _change_password])
def test_stream_of_a_person_who_may_no_longer_ends_soon(
    streams: Listeners, visitor: Visitor, admin: redis.Redis, revoke: Callable[[Visitor], None]
) -> None:
    """Within two seconds, with its reason, and what happens after that is not told."""
    stream = streams.open("/api/events", cookie=visitor.cookie)
    stream.wait_for("ready")
    revoke(visitor)
    revoked_at = time.monotonic()  # a password takes its time to hash before it is anybody's
    stream.wait_for_end(timeout_s=5)
    assert time.monotonic() - revoked_at < 2
    assert stream.events[-1].data == {"reason": "refused"}
    assert streams.open("/api/events", cookie=visitor.cookie).status == 401


def test_busy_stream_ends_too_when_its_person_may_no_longer(
    streams: Listeners, visitor: Visitor, admin: redis.Redis
) -> None:
    """Events that come without a pause don't keep the question from being asked."""
    stream = streams.open("/api/events", cookie=visitor.cookie)
    stream.wait_for("ready")
    _log_out(visitor)

    def has_ended() -> bool:
        tell(admin, visitor)
        return stream.has_ended

    wait_until(has_ended, timeout_s=2)
    assert stream.events[-1].data == {"reason": "refused"}


def test_stream_that_was_found_good_again_ends_as_soon(
    streams: Listeners, visitor: Visitor
) -> None:
    """What is remembered of a credential is good for what was read, not for what it is now."""
    stream = streams.open("/api/events", cookie=visitor.cookie)
    # fifteen heartbeats are three seconds: it was asked again at least twice
    wait_until(lambda: stream.wire.comments >= 15, timeout_s=15)
    _deactivate(visitor)
    assert stream.wait_for_end(timeout_s=2)[-1].data == {"reason": "refused"}


def test_stream_of_a_revoked_key_ends_soon(streams: Listeners, visitor: Visitor) -> None:
    """As of a session."""
    from django_site.keys.issue import create_key

    row, token = create_key(
        visitor.person, name="follower", scopes=["jobs:read"], expires_in_days=1
    )
    stream = streams.open("/api/events", key=token)
    stream.wait_for("ready")
    row.delete()
    assert stream.wait_for_end(timeout_s=2)[-1].data == {"reason": "refused"}


def test_former_staff_no_longer_follow_others(
    app: Flask, streams: Listeners, visitor: Visitor
) -> None:
    """Who may still log in but not see this job is told no more of it."""
    body = {"task": "sample.echo", "delay_s": 600}
    job = ask(app, "/api/jobs", method="POST", cookie=visitor.cookie, json=body).get_json()["id"]
    staff = new_visitor(is_staff=True)
    stream = streams.open(f"/api/jobs/{job}/events", cookie=staff.cookie)
    stream.wait_for("status")
    staff.person.is_staff = False
    staff.person.save()
    assert stream.wait_for_end(timeout_s=2)[-1].data == {"reason": "refused"}


def test_slow_reader_misses_nothing(
    streams: Listeners, visitor: Visitor, admin: redis.Redis
) -> None:
    """Far more than is held for all, while it reads nothing: it gets every event in order, once."""
    stream = streams.open("/api/events", cookie=visitor.cookie, reads=False)
    for _ in range(30):
        tell(admin, visitor, text="x" * 2000, times=100)
    stream.read()
    stream.wait_for("report", count=3000, timeout_s=20)
    entries: Any = admin.xrange(keyspace.events(str(visitor.person.pk)))
    assert [event.id for event in stream.events[1:]] == [
        position.decode() for position, _ in entries
    ]


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.BLACK_HOLE])
def test_outage_makes_a_stream_silent_and_loses_nothing(
    api_settings: ApiSettings,
    valkey: EmbeddedValkey,
    visitor: Visitor,
    admin: redis.Redis,
    fault: Fault,
) -> None:
    """While Redis is away: heartbeats, no end.
    Then everything that happened meanwhile, in order, once."""
    with (
        fault_proxy(valkey.socket) as proxy,
        running_api(
            api_settings, api_redis_url=SecretStr(proxy.url(valkey.url("api"))), **LIVELY
        ) as app,
        served(app) as address,
        listeners(address) as streams,
    ):
        stream = streams.open("/api/events", cookie=visitor.cookie)
        tell(admin, visitor)
        stream.wait_for("report")
        proxy.fault = fault
        proxy.cut()
        wait_until(
            lambda: ask(app, "/api/me", cookie=visitor.cookie).status_code == 503, timeout_s=5
        )
        tell(admin, visitor, times=300)
        heard = stream.wire.comments
        wait_until(lambda: stream.wire.comments >= heard + 5, timeout_s=10, what="heartbeats go on")
        assert (stream.has_ended, stream.kinds().count("report")) == (False, 1)
        proxy.fault = Fault.NONE
        proxy.cut()
        stream.wait_for("report", count=301)
        assert [event.data["number"] for event in stream.events[2:]] == list(range(300))


def test_events_that_an_outage_outlived_give_a_reset(
    api_settings: ApiSettings, valkey: EmbeddedValkey, visitor: Visitor, admin: redis.Redis
) -> None:
    """When more happened while Redis was away than is held,
    the stream says so instead of passing over it."""
    with (
        fault_proxy(valkey.socket) as proxy,
        running_api(
            api_settings, api_redis_url=SecretStr(proxy.url(valkey.url("api"))), **LIVELY
        ) as app,
        served(app) as address,
        listeners(address) as streams,
    ):
        stream = streams.open("/api/events", cookie=visitor.cookie)
        tell(admin, visitor)
        stream.wait_for("report")
        proxy.fault = Fault.REFUSE
        proxy.cut()
        heard = stream.wire.comments
        wait_until(lambda: stream.wire.comments >= heard + 6, timeout_s=10, what="the outage lasts")
        tell(admin, visitor, times=10)
        admin.xtrim(keyspace.events(str(visitor.person.pk)), maxlen=2, approximate=False)
        proxy.fault = Fault.NONE
        proxy.cut()
        reset = stream.wait_for("reset")
        tell(admin, visitor)
        stream.wait_for("report", count=2)
        entries: Any = admin.xrange(keyspace.events(str(visitor.person.pk)))
        assert [event.id for event in stream.events[-2:]] == [
            entry[0].decode() for entry in entries[-2:]
        ]
        assert reset.id == stream.events[-2].id
