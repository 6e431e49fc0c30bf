"""A Redis Cluster of real servers: three primaries, and two replicas of the first, which serves the
slots of sessions and of jobs."""

import signal
from pathlib import Path
from typing import Any

from redis.crc import key_slot

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import RedisClient, build_client
from tests.chaos.processes import send
from tests.ports import free_port
from tests.started import Started
from tests.waiting import wait_until

PREFIX = "{gatehouse}:"
NODE_TIMEOUT_MS = 1000
# Of each primary. Both tags are the first one's: the slots 7783 and 3932.
_SLOTS = ((0, 8000), (8001, 12_000), (12_001, 16_383))


class Node(EmbeddedValkey):
    """A server that is part of a Cluster, with entries under a prefix with a hash tag."""

    def _write_files(self) -> Path:
        config = super()._write_files()
        users = self.folder / "users.acl"
        text = users.read_text().replace("~gatehouse:jobs:", "~{gatehouse-jobs}:jobs:")
        users.write_text(text.replace("~gatehouse:", f"~{PREFIX}"))
        with config.open("a") as file:
            file.write(
                f"cluster-enabled yes\ncluster-port {free_port()}\n"
                f"cluster-node-timeout {NODE_TIMEOUT_MS}\n"
                # both replicas stay with the first, though the others have none
                "cluster-allow-replica-migration no\nrepl-diskless-sync-delay 0\n"
                f"masteruser admin\nmasterauth {self._passwords['admin']}\n"
            )
        return config


class Cluster(Started):
    """Five servers in a folder: ``nodes[0]``, its replicas ``nodes[3]`` and ``nodes[4]``, and two
    primaries more."""

    def __init__(self, folder: Path) -> None:
        self._passwords = new_passwords()
        self.ports = [free_port() for _ in range(5)]
        self.nodes = [
            Node(folder / f"node-{port}", passwords=self._passwords, port=port)
            for port in self.ports
        ]

    def url(self, role: str, query: str = "") -> str:
        """Return the URL with which a user finds who serves a slot."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports[:3])
        return f"redis+cluster://{role}:{self._passwords[role]}@{hosts}/{query}"

    def ask(self, number: int, *command: Any) -> Any:
        """Ask one node something as its operator."""
        client = self._admin(number)
        try:
            return client.execute_command(*command)
        finally:
            client.connection_pool.disconnect()

    def id_of(self, number: int) -> str:
        """Return a node's id."""
        return str(self.ask(number, "CLUSTER", "MYID"))

    def kill_owner(self) -> None:
        """Kill the first node, which serves both slots, as the kernel does."""
        pid = self.nodes[0].pid
        assert pid is not None
        send(pid, signal.SIGKILL)

    def primary_of_replicas(self) -> int:
        """Return the number of the former replica that is the primary now; -1 for none."""
        roles = {number: self.ask(number, "ROLE")[0] for number in (3, 4)}
        return next((number for number, role in roles.items() if role in ("master", b"master")), -1)

    def fail_over(self) -> None:
        """Let the primary and its last replica change places, as for maintenance."""
        former = self.primary_of_replicas()
        other = 7 - former
        self.ask(other, "CLUSTER", "FAILOVER")
        wait_until(
            lambda: self.primary_of_replicas() == other, timeout_s=10, what="they changed places"
        )

    def move(self, entry: str, former: int, to: int) -> None:
        """Give the slot of an entry, and the entry, to another primary, as redis-cli does."""
        self.begin_move(entry, former, to)
        self.end_move(entry, former, to)

    def begin_move(self, entry: str, former: int, to: int) -> None:
        """Send the entry there, which is all that is in its slot; the slot is not there yet."""
        slot = key_slot(entry.encode())
        self.ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(former))
        self.ask(former, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(to))
        where = ("127.0.0.1", self.ports[to], "", 0, 2000)
        who = ("AUTH2", "admin", self._passwords["admin"])
        self.ask(former, "MIGRATE", *where, *who, "KEYS", entry)

    def end_move(self, entry: str, former: int, to: int) -> None:
        """Give the slot there."""
        for number in (to, former, 0):
            slot = key_slot(entry.encode())
            self.ask(number, "CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))

    def start(self) -> None:
        """Start the nodes; return when they are a Cluster."""
        for node in self.nodes:
            node.start()
        self._form()

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.stop()

    def _form(self) -> None:
        for number, (first, last) in enumerate(_SLOTS):
            self.ask(number, "CLUSTER", "ADDSLOTSRANGE", first, last)
            self.ask(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for port, node in zip(self.ports[1:], self.nodes[1:], strict=True):
            bus = next(
                line.split()[1]
                for line in (node.folder / "valkey.conf").read_text().splitlines()
                if line.startswith("cluster-port")
            )
            self.ask(0, "CLUSTER", "MEET", "127.0.0.1", port, bus)
        for number in range(5):
            wait_until(
                lambda number=number: self._knows_all(number),  # type: ignore[misc]
                timeout_s=30,
                what="a node knows the others",
            )
        owner = self.id_of(0)
        for number in (3, 4):
            self.ask(number, "CLUSTER", "REPLICATE", owner)
        wait_until(self._is_whole, timeout_s=30, what="the Cluster is whole")

    def _knows_all(self, number: int) -> bool:
        return "cluster_known_nodes:5" in _text(self.ask(number, "CLUSTER", "INFO"))

    def _is_whole(self) -> bool:
        is_up = all(
            "cluster_state:ok" in _text(self.ask(number, "CLUSTER", "INFO")) for number in range(5)
        )
        return is_up and all(
            "master_link_status:up" in _text(self.ask(number, "INFO", "replication"))
            for number in (3, 4)
        )

    def _admin(self, number: int) -> RedisClient:
        return build_client(
            self.nodes[number].url("admin"), timeout_s=2, max_connections=1, of_primary=False
        )


def _text(answer: Any) -> str:
    if isinstance(answer, dict):  # as redis-py reads it
        return "\n".join(f"{name}:{value}" for name, value in answer.items())
    return str(answer)
