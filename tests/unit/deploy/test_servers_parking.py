"""The loop of parked connections: what it forgets, and whom it lets go."""

import gc
import select
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.servers.bodies import as_is
from deploy.servers.parking import ParkedConnection, Parking
from shared.http.parking import Pause, Place
from tests.waiting import wait_until


class Hour(Pause):
    """A long one."""

    def __init__(self) -> None:
        super().__init__(until=time.monotonic() + 3600)

    def begin(self, place: Place) -> None:
        """Nobody ends it before its time."""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def parking(stack: ExitStack) -> Parking:
    """A loop of the test's own."""
    parking = Parking()
    stack.callback(parking.stop)
    return parking


def parked(parking: Parking, stack: ExitStack) -> tuple[ParkedConnection, socket.socket]:
    """Park a connection for an hour; return it and its client."""
    server, client = map(stack.enter_context, socket.socketpair())
    place = ParkedConnection(parking, server, frame=as_is, back=lambda: None)
    place.begin(Hour())
    return place, client


def test_clients_that_come_and_go_are_not_remembered_until_their_time(
    parking: Parking, stack: ExitStack
) -> None:
    """Whoever asks for a long wait and leaves, again and again, fills no memory."""
    left = []
    for _ in range(500):
        with ExitStack() as once:
            place, _ = parked(parking, once)
            place.resume()
            left.append(weakref.ref(place))
    del place
    kept, _ = parked(parking, stack)
    gc.collect()
    assert sum(each() is not None for each in left) < 250
    assert parking.taken == 1
    assert kept.is_parked


def test_what_was_said_of_another_connection_lets_nobody_go(
    parking: Parking, stack: ExitStack
) -> None:
    """A number is used again at once: an event of its former connection may come late."""
    place, client = parked(parking, stack)
    place.ready(select.EPOLLRDHUP | select.EPOLLHUP)
    assert place.is_parked
    client.close()
    wait_until(lambda: place.is_gone, timeout_s=10, what="the loop notices that it left")
    assert not place.is_parked


def test_loop_that_ends_by_itself_is_woken_all_the_same(
    parking: Parking, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may see that it is to stop before it is woken: what wakes it is open until then,
    or the bell would ring in a file that has its number now."""
    place, _ = parked(parking, stack)
    (loop,) = (each for each in threading.enumerate() if each.name == "gatehouse-parked")
    wake = parking._wake

    def wake_late() -> None:
        wake()
        loop.join(timeout=5)
        wake()

    monkeypatch.setattr(parking, "_wake", wake_late)
    parking.stop()
    parking.stop()
    assert place.is_gone


def test_connection_is_let_go_where_the_loop_can_have_no_thread(
    parking: Parking, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one starts it."""

    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        refused, _ = parked(parking, stack)
    assert refused.is_gone
    place, client = parked(parking, stack)
    client.close()
    wait_until(lambda: place.is_gone, timeout_s=5, what="the loop sees that its client has left")
