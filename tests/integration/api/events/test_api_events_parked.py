"""A parked stream between the threads that tell it things: nothing is passed over, nothing spins."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from flask import Flask
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.credentials import CredentialKind
from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.jobs.records.events import BEGINNING, Doorbell, EventLog, Position
from flask_api.streams.access import Access, Verdict
from flask_api.streams.feeds import PersonFeed
from flask_api.streams.follower import PIECE_BYTES
from flask_api.streams.hub import Hub
from flask_api.streams.stream import Stream
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, tell
from tests.integration.redis.fault_proxy import Fault, fault_proxy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


class Place:
    """A client that takes all it is sent."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_resumed = False

    def send(self, data: bytes) -> bool:
        """See Place.send."""
        self.sent += data
        return True

    def resume(self) -> None:
        """See Place.resume."""
        self.is_resumed = True


@contextmanager
def opened(app: Flask, visitor: Visitor, *, after: Position | None = None) -> Iterator[Stream]:
    """Open a stream of all that is the visitor's."""
    guards, credential = gate_state(app).guards, (CredentialKind.SESSION, visitor.cookie)
    owner_id = str(visitor.person.pk)
    access = Access(guards, credential, guards.identify_session(visitor.cookie), owner_id=owner_id)
    stream = api_state(app).streams.open(
        PersonFeed(owner_id), after=after, access=access, can_park=True
    )
    try:
        yield stream
    finally:
        stream.close()


def positions(sent: bytes) -> list[bytes]:
    """Return the ids of what was sent."""
    return [line for line in sent.split(b"\n") if line.startswith(b"id: ")]


def test_event_after_a_doubt_brings_those_before_it(
    api_settings: ApiSettings, visitor: Visitor, admin: redis.Redis
) -> None:
    """What could not be sent while nobody knew who asks is sent first, whoever comes first."""
    with running_api(api_settings) as app, opened(app, visitor) as stream:
        pieces, place = stream.answer(), Place()
        next(pieces)
        assert next(pieces) is stream
        stream.begin(place)
        stream.access.verdict = Verdict.UNKNOWN
        tell(admin, visitor)
        wait_until(lambda: stream._has_missed or positions(place.sent), timeout_s=5)
        tell(admin, visitor, times=2)
        stream.access.verdict = Verdict.GRANTED
        wait_until(lambda: len(positions(place.sent)) == 3, timeout_s=5, what=str(place.sent))
        late = EventLog(api_state(app).jobs_store).after(stream.owner_id, BEGINNING)
        stream._has_missed, stream._follower.position = True, BEGINNING
        place.sent = b""
        stream.hear(late[-1:])
        assert len(positions(place.sent)) == 3


def test_stream_that_must_read_from_a_redis_that_is_away_waits(
    api_settings: ApiSettings, valkey: EmbeddedValkey, visitor: Visitor, admin: redis.Redis
) -> None:
    """It is not resumed as soon as it is parked, again and again: it tries again after a while."""
    tell(admin, visitor)
    with (
        fault_proxy(valkey.socket) as proxy,
        running_api(api_settings, jobs_redis_url=SecretStr(proxy.url(valkey.url("api")))) as app,
        opened(app, visitor, after=BEGINNING) as stream,
    ):
        pieces, place = stream.answer(), Place()
        next(pieces)
        proxy.fault = Fault.REFUSE
        proxy.cut()
        assert next(pieces) is stream
        stream.begin(place)
        assert not place.is_resumed
        assert 0 < stream.until - time.monotonic() < 1


def test_stream_catches_up_in_pieces(
    api_settings: ApiSettings, visitor: Visitor, admin: redis.Redis
) -> None:
    """Between two of them it is asked whether its person may still see them."""
    tell(admin, visitor, text="x" * 10_000, times=20)
    with (
        running_api(api_settings) as app,
        opened(app, visitor, after=BEGINNING) as stream,
    ):
        pieces = stream.answer()
        next(pieces)
        first = next(pieces)
        assert isinstance(first, bytes)
        assert len(first) < 2 * PIECE_BYTES
        stream.access.verdict = Verdict.REFUSED
        (last,) = pieces
        assert isinstance(last, bytes)
        assert b"refused" in last


class SlowLog(EventLog):
    """As it is with thousands of people."""

    done_at = 0.0

    def tails(self, owner_ids: object) -> Iterator[tuple[str, Position]]:
        """Take a while."""
        found = list(super().tails(owner_ids))  # type: ignore[arg-type]
        threading.Event().wait(0.05)
        SlowLog.done_at = time.monotonic()
        return iter(found)


def test_reader_that_begins_anew_takes_that_for_no_absence(
    api_settings: ApiSettings, visitor: Visitor, admin: redis.Redis
) -> None:
    """Else it would never read an event again where that takes long."""
    tell(admin, visitor)
    with running_api(api_settings) as app:
        store = api_state(app).jobs_store
        hub = Hub(SlowLog(store), Doorbell(store))
        hub._has_failed, hub._heard_at = True, time.monotonic() - 60
        hub._listen({str(visitor.person.pk): BEGINNING})
        assert hub._heard_at >= SlowLog.done_at > 0
