"""Which node of a Cluster is taken to serve a slot: what the first says that says anything."""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.redis.cluster import SlotFinder, with_entry
from shared.redis.finder import Address
from shared.redis.role import MisconfiguredError
from tests.integration.redis.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.integration.redis.listening import listening

OWN = ":0"
DOWN = "-CLUSTERDOWN The cluster is down"
PRIMARY = b"*4\r\n$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n$6\r\nmaster"
REFUSED = "-NOPERM No permissions to access a key"
StartNode = Callable[[str], Address]


class _Asked(socketserver.StreamRequestHandler):
    """As much of a node as says whose a slot is."""

    server: "_Node"

    def handle(self) -> None:
        """Answer one client."""
        while head := self.rfile.readline():
            words = [self._word() for _ in range(int(head[1:]))]
            answer = {b"HELLO": PRIMARY, b"AUTH": b"+OK", b"WAIT": b":1"}.get(words[0])
            if answer is None:
                answer = self.server.says.encode()
                if words[0] == b"GET" and answer == OWN.encode():
                    answer = b"$5\r\nfound"
                else:
                    assert words in ([b"EXISTS", b"{tag}:slot"], [b"GET", b"{tag}:a"])
                self.server.asked += 1
            self.wfile.write(answer + b"\r\n")

    def _word(self) -> bytes:
        return self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]


class _Node(socketserver.ThreadingTCPServer):
    """One that says the same to everybody."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 200

    def __init__(self, says: str) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.says = says
        self.asked = 0


@pytest.fixture
def nodes() -> list[_Node]:
    """The nodes of a test, in the order of their start."""
    return []


@pytest.fixture
def start(nodes: list[_Node]) -> Iterator[StartNode]:
    """Return what starts a node that says something; all end with the test."""
    with ExitStack() as stack:

        def start(says: str) -> Address:
            nodes.append(_Node(says))
            return stack.enter_context(listening(nodes[-1]))

        yield start


def _finder(*nodes: Address, timeout_s: float = 2, **more: object) -> SlotFinder:
    times = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    options = {**times, "protocol": 2, "driver_info": None, **more}
    return SlotFinder(list(nodes), "{tag}:slot", is_tls=False, options=options)


@pytest.mark.parametrize("says", [":0", "-ASK 3932 10.0.0.2:7001"])
def test_node_that_answers_serves_the_slot_itself(start: StartNode, says: str) -> None:
    """Also while it gives its entries to another: until all are there, the slot is its own."""
    node = start(says)
    assert _finder(node).find() == node


@pytest.mark.parametrize("host", ["127.0.0.1", "", "?"])
def test_node_that_is_named_is_asked_too(start: StartNode, host: str) -> None:
    """What the first knows may be a moment old. A Cluster behind one name says no host: the same."""
    owner = start(OWN)
    named = start(f"-MOVED 3932 {host}:{owner[1]}")
    assert _finder(start(f"-MOVED 3932 127.0.0.1:{named[1]}")).find() == owner


def test_nodes_that_see_no_majority_are_passed_over_and_asked_last(
    start: StartNode, nodes: list[_Node]
) -> None:
    """One that was cut off says nothing about a slot; the next one knows."""
    owner = start(OWN)
    finder = _finder(start(DOWN), start(f"-MOVED 3932 127.0.0.1:{owner[1]}"))
    assert finder.find() == owner
    finder.forget()
    assert finder.find() == owner
    assert [node.asked for node in nodes] == [2, 1, 2]


@pytest.mark.parametrize("is_write", [False, True])
def test_node_that_was_cut_off_is_left_by_who_is_connected(
    start: StartNode, nodes: list[_Node], is_write: bool
) -> None:
    """It says that it can't know, and the others chose another: nobody hears of it."""
    owner = start(OWN)
    heir = start(f"-MOVED 3932 127.0.0.1:{owner[1]}")
    url = f"redis+cluster://{owner[0]}:{owner[1]},{heir[0]}:{heir[1]}/?replicas=0"
    client = build_client(with_entry(url, "{tag}:slot"), timeout_s=2, max_connections=2)
    gateway = RedisGateway(client, unavailable=JobStoreUnavailable)

    def ask() -> object:
        return client.tell("GET", "{tag}:a") if is_write else gateway.get("{tag}:a")

    assert ask() == "found"
    nodes[0].says, nodes[1].says = DOWN, OWN
    assert [ask() for _ in range(3)] == ["found"] * 3
    gateway.close()


def test_node_that_is_silent_is_waited_for_once(start: StartNode, nodes: list[_Node]) -> None:
    """However many others name it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        named = f"-MOVED 3932 127.0.0.1:{silent.getsockname()[1]}"
        finder = _finder(*(start(named) for _ in range(6)))
        finder._options = {**finder._options, "socket_timeout": 0.2}
        with pytest.raises(RedisConnectionError):
            finder.find()
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert [node.asked for node in nodes] == [1] * 6


@pytest.fixture
def silent() -> Iterator[list[Address]]:
    """Five servers that accept and say nothing."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            for _ in range(5)
        ]
        yield [each.getsockname()[:2] for each in sockets]


def test_silent_nodes_cost_one_time_out_together(silent: list[Address]) -> None:
    """Whoever needs a connection waits for the answer: five time-outs would be no 503 in time."""
    finder = _finder(*silent)
    began = time.monotonic()
    with pytest.raises(RedisConnectionError):
        finder.find()
    assert time.monotonic() - began < 4, "two seconds, not ten"


def test_node_that_knows_is_heard_beside_those_that_are_silent(
    start: StartNode, nodes: list[_Node], silent: list[Address]
) -> None:
    """Within the time-out of one, and it is asked first from then on."""
    owner = start(OWN)
    finder = _finder(*silent, owner)
    began = time.monotonic()
    assert finder.find() == owner
    assert time.monotonic() - began < 4, "not after ten seconds"
    finder.forget()
    began = time.monotonic()
    assert finder.find() == owner
    assert time.monotonic() - began < 1.5, "it is asked after five sixths of a second otherwise"
    assert finder._nodes[0] == owner


@pytest.fixture
def slow(nodes: list[_Node], start: StartNode) -> Iterator[list[FaultProxy]]:
    """Two nodes, each of whose replies comes late and in time."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(fault_proxy(start(OWN))) for _ in range(2)]
        for proxy in proxies:
            proxy.fault, proxy.delay_s = Fault.DELAY, 0.25
        nodes[0].says = f"-MOVED 3932 127.0.0.1:{proxies[1].port}"
        yield proxies


def test_slow_nodes_are_heard(slow: list[FaultProxy]) -> None:
    """Each reply is in time; the node that is named is asked as well, which is more than one time-out."""
    finder = _finder(("127.0.0.1", slow[0].port), timeout_s=0.4)
    assert finder.find() == ("127.0.0.1", slow[1].port)


def test_slow_nodes_that_name_each_other_are_not_heard_for_ever(
    slow: list[FaultProxy], nodes: list[_Node]
) -> None:
    """A person waits for the 503: eight replies of a quarter of a second would be two."""
    nodes[1].says = f"-MOVED 3932 127.0.0.1:{slow[0].port}"
    finder = _finder(("127.0.0.1", slow[0].port), timeout_s=0.4, password="word")
    began = time.monotonic()
    with pytest.raises(RedisConnectionError):
        finder.find()
    assert time.monotonic() - began < 1.6, "a second"


def test_nobody_waits_for_an_answer_to_others_for_longer_than_asking_may_take(
    start: StartNode,
) -> None:
    """Asking may take longer than it should, for a name that nobody resolves, say."""
    finder = _finder(start(OWN))
    finder._longest_s = 0.2
    asks, go = threading.Event(), threading.Event()

    def ask_long() -> None:
        asks.set()
        assert go.wait(60)

    finder._ask = ask_long  # type: ignore[method-assign]  # the moment in between
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(finder.find)
        assert asks.wait(10)
        with pytest.raises(RedisConnectionError):
            finder.find()
        assert not first.done()
        go.set()
        with pytest.raises(RedisConnectionError):
            first.result(10)


def test_what_was_forgotten_while_it_was_asked_for_is_asked_again(
    start: StartNode, nodes: list[_Node]
) -> None:
    """What a command met meanwhile is newer than the answer."""
    owner = start(OWN)
    finder = _finder(owner)
    ask = finder._ask_one

    def forget_meanwhile(node: Address) -> Address:
        finder.forget()
        return ask(node)

    finder._ask_one = forget_meanwhile  # type: ignore[method-assign]  # the moment in between
    assert finder.find() == owner
    finder._ask_one = ask  # type: ignore[method-assign]
    assert [finder.find() for _ in range(3)] == [owner] * 3
    assert nodes[0].asked == 2


def test_what_was_found_is_believed_for_a_moment(start: StartNode, nodes: list[_Node]) -> None:
    """Many connections are made at once when a primary has gone, by threads that waited."""
    owner = start(OWN)
    finder = _finder(owner)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: finder.find(), range(8))) == {owner}
    assert nodes[0].asked == 1


def test_nodes_that_name_each_other_serve_nothing(start: StartNode, nodes: list[_Node]) -> None:
    """Each believes the other to have the slot: asked a few times, and no more."""
    first = start(DOWN)
    second = start(f"-MOVED 3932 127.0.0.1:{first[1]}")
    nodes[0].says = f"-MOVED 3932 127.0.0.1:{second[1]}"
    with pytest.raises(RedisConnectionError):
        _finder(first).find()
    assert sum(node.asked for node in nodes) == 4


def test_cluster_that_is_down_is_away(start: StartNode) -> None:
    """As a server that does not answer is."""
    began = time.monotonic()
    with pytest.raises(RedisConnectionError) as refused:
        _finder(start(DOWN), ("127.0.0.1", 1)).find()
    assert not isinstance(refused.value, MisconfiguredError)
    assert time.monotonic() - began < 5


def test_refusal_is_told_as_what_to_change(start: StartNode) -> None:
    """A user that may not even ask for our entries: the names begin otherwise, say."""
    with pytest.raises(MisconfiguredError, match=r"users\.acl"):
        _finder(start(REFUSED)).find()
