"""Which node of a Redis Cluster serves our slot, asked of the nodes.

    redis+cluster://user:password@n1:6379,n2:6379,n3:6379/

All entries of sessions are in one slot and all of jobs are in one (shared.contract.entries), so of
a Cluster each needs one primary, as of Sentinels. A node is asked for an entry of the slot, which
is not there: it answers if the slot is its own, and else names the node whose it is (``MOVED``).
That takes no more than a user may do anyway, and the first answer is believed: a node that doesn't
reach more than half of the Cluster's primaries answers nothing about any slot (``CLUSTERDOWN``).
What is named is asked too, and for its role besides, as every server is. Whose slot it is, is asked
again when a node says ``MOVED`` to a command: then it did nothing (.client).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import AskError, MovedError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from shared.redis.finder import Address, Finder, connect_by, round_trips, split_hosts
from shared.redis.replies import advice_for
from shared.redis.role import ROLE_BY_HELLO, MisconfiguredError, require_cluster

SUFFIX = "+cluster"
# ``entry`` is written by the settings: it says whose slot is meant.
OPTIONS = ("replicas", "entry")
_PORT = 6379
_SPELLING = "redis+cluster://user:password@n1:6379,n2:6379,n3:6379/"
_MOST_NAMED = 4  # one after the other
_SAME_HOST = ("", "?")  # so a Cluster says that it doesn't know under which name it is reached


class SlotFinder(Finder):
    """Asks nodes of a Cluster for the address of the one that serves an entry. Thread-safe."""

    nowhere: ClassVar[str] = "No node of the Cluster tells who serves the slot."

    def __init__(
        self, nodes: list[Address], entry: str, *, is_tls: bool, options: Mapping[str, Any]
    ) -> None:
        of_one = round_trips(is_tls=is_tls, has_password=bool(options.get("password")))
        super().__init__(timeout_s=options["socket_timeout"], round_trips=_MOST_NAMED * of_one)
        self._nodes = nodes
        self._entry = entry
        self._kind: Any = redis.SSLConnection if is_tls else redis.Connection
        self._options = options

    def _ask(self) -> Address | None:
        self._refusals.clear()
        asked: dict[Address, Address] = {}
        follow = partial(self._follow, asked=asked)
        for node, answer in self._questions.ask_each(
            follow, self._nodes, timeout_s=self._timeout_s, longest_s=self._longest_s
        ):
            if not isinstance(answer, RedisError):
                self._nodes.sort(key=lambda each: each != node)  # it comes first from now on
                return answer
            self._refusals.append(answer)
        return None

    def _follow(self, first: Address, *, asked: dict[Address, Address]) -> Address:
        """Return which node says that the slot is its own, from one to the next that is named:
        what they know of each other is a moment old. One that is silent is waited for once, however
        many name it: ``asked`` says for whom."""
        node = first
        for _ in range(_MOST_NAMED):
            if asked.setdefault(node, first) != first:
                raise RedisConnectionError("A node of the Cluster that is named does not answer.")
            try:
                named = self._ask_one(node)
            except ResponseError:  # it is not silent
                del asked[node]
                raise
            del asked[node]
            if named == node:
                return node
            node = named
        raise RedisConnectionError("The nodes of the Cluster name each other.")

    def _ask_one(self, node: Address) -> Address:
        """Return the node itself if it serves the slot, else the one that it names."""
        connection = self._kind(host=node[0], port=node[1], **self._options)
        try:
            connection.connect()
            connection.send_command("EXISTS", self._entry)
            connection.read_response()
        except MovedError as moved:
            host, port = moved.node_addr
            return (node[0] if host in _SAME_HOST else host), port
        except AskError:  # it serves the slot, whose entries are on their way to another
            pass
        except NoPermissionError:  # names with a hash tag are a Cluster's: is it one at all?
            connection.send_packed_command([ROLE_BY_HELLO], check_health=False)
            require_cluster(connection.read_response())
            raise
        finally:
            connection.disconnect()
        return node

    def _advice(self, error: RedisError) -> str:
        return str(error) if isinstance(error, MisconfiguredError) else advice_for(error)


def is_cluster_url(url: str) -> bool:
    """Tell whether a URL names nodes of a Cluster."""
    return url.partition("://")[0].endswith(SUFFIX)


def with_entry(url: str, entry: str) -> str:
    """Return a URL that says which entry's slot is meant, if it names a Cluster."""
    if not is_cluster_url(url) or "entry" in parse_qs(url.partition("?")[2]):
        return url
    return f"{url}{'&' if '?' in url else '?'}entry={quote(entry, safe='')}"


def split_cluster_url(url: str) -> tuple[str, list[Address], dict[str, str]]:
    """Return the URL of one node without what is about the Cluster, the nodes' addresses, and what
    is about it. Raises ValueError, which repeats nothing of it."""
    return split_hosts(url, SUFFIX, default_port=_PORT, options=OPTIONS, spelling=_SPELLING)


def read_cluster_url(url: str, *, timeout_s: float) -> dict[str, Any]:
    """Return the options of a pool whose connections lead to who serves the entry's slot.
    Raises ValueError."""
    server, nodes, about = split_cluster_url(url)
    options: dict[str, Any] = parse_url(server)  # type: ignore[no-untyped-call]
    is_tls = options.pop("connection_class", None) is not None
    own = {name: value for name, value in options.items() if name not in ("host", "port")}
    own |= {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    if "entry" not in about:
        raise ValueError("of which entry's slot is not said")
    finder = SlotFinder(nodes, about["entry"], is_tls=is_tls, options=own)
    found = connect_by(finder, is_tls=is_tls, replicas=about["replicas"], timeout_s=timeout_s)
    return options | found | {"is_of_cluster": True}
