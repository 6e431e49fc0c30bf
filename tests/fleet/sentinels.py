"""A primary, two replicas and three Sentinels: real servers that take over from each other."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.redis.server_program import find_server
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import RedisClient, build_client
from tests.chaos.processes import send
from tests.ports import free_port
from tests.started import Started
from tests.waiting import wait_until

_DOWN_AFTER_MS = 1000
_SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor gatehouse 127.0.0.1 {primary} 2
sentinel auth-user gatehouse admin
sentinel auth-pass gatehouse {password}
sentinel down-after-milliseconds gatehouse {down_after_ms}
sentinel failover-timeout gatehouse 4000
"""


class Sentinels(Started):
    """Three servers, of which Sentinels choose the primary."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passwords = new_passwords()
        self.ports = [free_port() for _ in range(3)]
        self.servers = [
            EmbeddedValkey(folder / f"valkey-{port}", passwords=self._passwords, port=port)
            for port in self.ports
        ]
        self._sentinel_ports = [free_port() for _ in range(3)]
        self._sentinels: list[subprocess.Popen[bytes]] = []

    def url(self, role: str) -> str:
        """Return the URL with which a user finds the primary."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._sentinel_ports)
        return f"redis+sentinel://{role}:{self._passwords[role]}@{hosts}/0?service=gatehouse"

    def admin(self, url: str = "") -> RedisClient:
        """Return a client of the primary, or of another server, that may do everything."""
        return build_client(
            url or self.url("admin"), timeout_s=1, max_connections=2, of_primary=False
        )

    def kill_primary(self) -> EmbeddedValkey:
        """Kill the first server, which is the primary at first, as the kernel does."""
        primary = self.servers[0]
        assert primary.pid is not None
        send(primary.pid, signal.SIGKILL)
        return primary

    def signal_replicas(self, number: signal.Signals) -> None:
        """Freeze the two that are replicas at first, or let them go on."""
        for replica in self.servers[1:]:
            assert replica.pid is not None
            send(replica.pid, number)

    def start(self) -> None:
        """Start all; return when the Sentinels know of all."""
        for server in self.servers:
            server.start()
            self._configure(server, self.servers[1:])
        for port in self._sentinel_ports:
            self._start_sentinel(port)
        self._wait_until_they_know_all()

    def close(self) -> None:
        """End everything."""
        for sentinel in self._sentinels:
            sentinel.kill()
            sentinel.wait(10)
        for server in self.servers:
            server.stop()

    def _configure(self, server: EmbeddedValkey, replicas: Sequence[EmbeddedValkey]) -> None:
        client = self.admin(server.url("admin"))
        client.config_set("masteruser", "admin")
        client.config_set("masterauth", self._passwords["admin"])
        client.config_set("min-replicas-to-write", 1)
        client.config_set("repl-diskless-sync-delay", 0)
        if server in replicas:
            client.execute_command("REPLICAOF", "127.0.0.1", self.ports[0])
        client.connection_pool.disconnect()

    def _start_sentinel(self, port: int) -> None:
        folder = self._folder / f"sentinel-{port}"
        folder.mkdir(parents=True)
        config = folder / "sentinel.conf"
        config.write_text(
            _SENTINEL.format(
                port=port,
                folder=folder,
                primary=self.ports[0],
                password=self._passwords["admin"],
                down_after_ms=_DOWN_AFTER_MS,
            )
        )
        command = [str(find_server()), str(config), "--sentinel"]
        with (folder / "log").open("wb") as log:
            self._sentinels.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _wait_until_they_know_all(self) -> None:
        for port in self._sentinel_ports:
            client = self.admin(f"redis://127.0.0.1:{port}")
            wait_until(
                lambda client=client: _knows_all(client),  # type: ignore[misc]
                timeout_s=30,
                what="a Sentinel knows the others and the replicas",
            )
            client.connection_pool.disconnect()


def _knows_all(client: RedisClient) -> bool:
    try:
        found = client.execute_command("SENTINEL", "MASTER", "gatehouse")
    except Exception:
        return False
    about = found if isinstance(found, dict) else dict(zip(found[::2], found[1::2], strict=True))
    return int(about["num-slaves"]) == 2 and int(about["num-other-sentinels"]) == 2
