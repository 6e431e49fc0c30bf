"""Which node of a Cluster is taken to serve a slot: what the first says that says anything."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.redis.cluster import SlotFinder
from shared.redis.finder import Address
from shared.redis.role import MisconfiguredError

OWN = ":0"
DOWN = "-CLUSTERDOWN The cluster is down"
REFUSED = "-NOPERM No permissions to access a key"
StartNode = Callable[[str], Address]


class _Asked(socketserver.StreamRequestHandler):
    """As much of a node as says whose a slot is."""

    server: "_Node"

    def handle(self) -> None:
        """Answer one client."""
        while head := self.rfile.readline():
            words = [self._word() for _ in range(int(head[1:]))]
            assert words == [b"EXISTS", b"{tag}:slot"], "nothing that a user may not do"
            self.server.asked += 1
            self.wfile.write(self.server.says.encode() + b"\r\n")

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


@contextmanager
def _running(says: str, nodes: list[_Node]) -> Iterator[Address]:
    with _Node(says) as server:
        nodes.append(server)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            host, port = server.server_address[:2]
            yield str(host), port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def nodes() -> list[_Node]:
    """The nodes of a test, in the order of their start."""
    return []


@pytest.fixture
def start(nodes: list[_Node]) -> Iterator[StartNode]:
    """Return what starts a node that says something; all end with the test."""
    with ExitStack() as stack:
        yield lambda says: stack.enter_context(_running(says, nodes))


def _finder(*nodes: Address) -> SlotFinder:
    options = {"socket_timeout": 2, "socket_connect_timeout": 2, "protocol": 2, "driver_info": None}
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
