"""What one client address may hold of a server,
and the threads that are lent while somebody waits."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from deploy.servers.cherrypy_threads import CherryPyThreads
from deploy.servers.gunicorn_threads import GunicornThreads
from deploy.servers.shares import AddressShares, holder_of
from deploy.servers.slow_clients import LENT_EACH, SHORT_S


@pytest.mark.parametrize(
    ("peer", "holder"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 5, 0, 0), "2001:db8::/48"),
        (("2001:db8::ffff:2", 5, 0, 0), "2001:db8::/48"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::/48"),
        ("", None),
        (b"", None),
    ],
)
def test_share_is_of_an_address_or_of_a_customers_network(peer: object, holder: str | None) -> None:
    """An IPv6 customer has a /48 of addresses;
    a Unix socket and a trusted proxy have none of their own."""
    assert holder_of(peer, trusted_proxy=False) == holder
    assert holder_of(peer, trusted_proxy=True) is None


def test_one_holder_gets_its_share_and_others_the_rest() -> None:
    """What is given back can be taken again; a holder without an address is bound by the total
    only."""
    shares = AddressShares(total=4, each=2)
    assert [shares.take("a") for _ in range(3)] == [True, True, False]
    assert [shares.take(None) for _ in range(3)] == [True, True, False]
    shares.give_back("a")
    assert shares.taken == 3
    assert shares.take("b")


def test_thread_that_waits_for_its_client_is_replaced() -> None:
    """With one thread: who waits lends it, and the next call runs meanwhile."""
    threads = GunicornThreads(1)
    second = threading.Event()

    def wait_for_second() -> bool:
        with threads.lent("a"):
            return second.wait(10)

    waiting = threads.submit(wait_for_second)
    threads.submit(second.set).result(10)
    assert waiting.result(10)
    threads.shutdown()


def test_failed_call_tells_its_future_and_frees_its_thread() -> None:
    """The next call runs."""
    threads = GunicornThreads(1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 // 0).result(10)
    assert threads.submit(lambda: 1).result(10) == 1
    threads.shutdown()


def test_wait_beyond_the_share_of_an_address_ends_at_once() -> None:
    """It would hold a thread that requests need; other addresses may wait."""
    threads = GunicornThreads(1)
    held = [threads.lent("a") for _ in range(LENT_EACH)]
    for lent in held:
        lent.__enter__()
    with pytest.raises(TimeoutError), threads.lent("a"):
        pass
    with threads.lent("b"):
        pass
    for lent in held:
        lent.__exit__(None, None, None)
    with threads.lent("a"):
        pass
    threads.shutdown()


def no_thread(self: threading.Thread) -> None:
    """Do as the system does that lets this process have no more of them."""
    raise RuntimeError("can't start new thread")


def _later() -> Callable[[], float]:
    now = time.monotonic() + SHORT_S
    return lambda: now


def test_wait_ends_at_once_where_nothing_can_replace_its_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gunicorn's worker goes on, with the threads that it has; nothing stays lent."""
    threads = GunicornThreads(1)
    begin = threading.Event()

    def wait_for_client() -> None:
        begin.wait(10)
        with threads.lent("a"):
            pass

    with monkeypatch.context() as patch:
        waiting = threads.submit(wait_for_client)
        patch.setattr(threading.Thread, "start", no_thread)
        next_one = threads.submit(lambda: 1)
        begin.set()
        with pytest.raises(TimeoutError):
            waiting.result(10)
        assert next_one.result(10) == 1
    monkeypatch.setattr(time, "monotonic", _later())
    with ExitStack() as held:
        for _ in range(LENT_EACH):
            held.enter_context(threads.lent("a"))
    threads.shutdown()


def test_wait_under_cherrypy_ends_at_once_where_nothing_can_replace_its_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has come is kept for the threads that there are; nothing stays lent."""
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    threads = CherryPyThreads(object(), threads=1)
    threads.put("a connection")
    for _ in range(LENT_EACH + 1):
        with pytest.raises(TimeoutError), threads.lent("a"):
            pass
    assert threads.get() == "a connection"
    monkeypatch.setattr(time, "monotonic", _later())
    with threads.lent("a"):
        pass
