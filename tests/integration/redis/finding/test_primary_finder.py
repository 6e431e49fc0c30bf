"""Which server Sentinels are taken to name: the one that more than half of them name."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.redis.finder import Address
from shared.redis.sentinel import PrimaryFinder
from tests.integration.redis.fault_proxy import Fault, fault_proxy
from tests.integration.redis.listening import listening

OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)
StartSentinel = Callable[[Address | None], Address]


class _Asked(socketserver.StreamRequestHandler):
    """As much of a Sentinel as names a primary."""

    server: "_Sentinel"

    def handle(self) -> None:
        """Answer one client, if it answers at all."""
        if self.server.names is None:
            self.server.ended.wait(30)
            return
        while head := self.rfile.readline():
            words = [self._word() for _ in range(int(head[1:]))]
            self.server.heard.append(words[0])
            self.wfile.write(self._reply(words))

    def _word(self) -> bytes:
        return self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]

    def _reply(self, words: list[bytes]) -> bytes:
        if [word.upper() for word in words[:2]] != [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME"]:
            return b"+OK\r\n"
        assert self.server.names
        fields = [str(each).encode() for each in self.server.names]
        return b"*2\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in fields)


class _Sentinel(socketserver.ThreadingTCPServer):
    """One that names a primary, or accepts and says nothing."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 200

    def __init__(self, names: Address | None) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.names = names
        self.heard: list[bytes] = []
        self.ended = threading.Event()

    def shutdown(self) -> None:
        """Let go of who waits for an answer, and end."""
        self.ended.set()
        super().shutdown()


@pytest.fixture
def start() -> Iterator[StartSentinel]:
    """Return what starts a Sentinel that names a primary, or none; all end with the test."""
    with ExitStack() as stack:
        yield lambda names: stack.enter_context(listening(_Sentinel(names)))


@pytest.mark.parametrize("names", [[OLD, NEW, NEW], [NEW, OLD, NEW], [NEW, NEW, None]])
def test_primary_is_what_more_than_half_name(
    start: StartSentinel, names: list[Address | None]
) -> None:
    """One that was cut off with the old one goes on naming that, and may be asked first."""
    finder = PrimaryFinder([start(each) for each in names], "gatehouse", timeout_s=5)
    assert finder.find() == NEW


@pytest.mark.parametrize("names", [[OLD, NEW, None], [NEW, None, None], [OLD, NEW]])
def test_no_primary_is_found_where_half_or_fewer_name_it(
    start: StartSentinel, names: list[Address | None]
) -> None:
    """The silent ones count: they may know of another."""
    finder = PrimaryFinder([start(each) for each in names], "gatehouse", timeout_s=0.3)
    with pytest.raises(RedisConnectionError):
        finder.find()


def test_threads_that_ask_together_are_told_together(start: StartSentinel) -> None:
    """That no Sentinel answers: one look at them is for all who wait, not one after the other."""
    finder = PrimaryFinder([start(None) for _ in range(3)], "gatehouse", timeout_s=0.1)

    def ask(_: int) -> bool:
        with pytest.raises(RedisConnectionError):
            finder.find()
        return True

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(8)))
    assert time.monotonic() - began < 5, "three time-outs of 0.1 s"


def test_silent_sentinels_cost_one_time_out_together(start: StartSentinel) -> None:
    """Whoever needs a connection waits for the answer."""
    finder = PrimaryFinder([start(None) for _ in range(5)], "gatehouse", timeout_s=2)
    began = time.monotonic()
    with pytest.raises(RedisConnectionError):
        finder.find()
    assert time.monotonic() - began < 4, "two seconds, not ten"


def test_majority_is_heard_beside_those_that_are_silent(start: StartSentinel) -> None:
    """Within the time-out of one; the silent ones are asked last from then on."""
    silent, talking = [start(None) for _ in range(2)], [start(NEW) for _ in range(3)]
    finder = PrimaryFinder([*silent, *talking], "gatehouse", timeout_s=2)
    began = time.monotonic()
    assert finder.find() == NEW
    assert time.monotonic() - began < 3, "not after two time-outs"
    assert finder._sentinels == [*talking, *silent]


def test_slow_sentinels_are_heard_and_by_all_who_wait() -> None:
    """Each reply is in time; a password and a question take two, which are more than one
    time-out."""
    with ExitStack() as stack:
        sentinels = [_Sentinel(NEW) for _ in range(3)]
        proxies = [
            stack.enter_context(fault_proxy(stack.enter_context(listening(each))))
            for each in sentinels
        ]
        for proxy in proxies:
            proxy.fault, proxy.delay_s = Fault.DELAY, 0.25
        finder = PrimaryFinder(
            [("127.0.0.1", proxy.port) for proxy in proxies],
            "gatehouse",
            timeout_s=0.4,
            password="word",
        )
        with ThreadPoolExecutor(4) as threads:
            found = threads.map(lambda _: finder.find(), range(4))
            assert list(found) == [NEW] * 4
    assert {word for each in sentinels for word in each.heard} == {b"AUTH", b"SENTINEL"}


def test_many_silent_sentinels_cost_no_more_than_a_few(start: StartSentinel) -> None:
    """A person waits for the 503, however many Sentinels there are."""
    finder = PrimaryFinder(
        [start(None) for _ in range(20)], "gatehouse", timeout_s=0.25, password="word"
    )
    began = time.monotonic()
    with pytest.raises(RedisConnectionError):
        finder.find()
    assert time.monotonic() - began < 1.5, "a second at most, not five"
