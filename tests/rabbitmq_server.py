"""A RabbitMQ node of a test run's own: in a folder, on ports of its own, with its own epmd; gone
with the run. Nothing of a system's service is touched."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import amqp

from tests.ports import free_port
from tests.started import Started
from tests.waiting import wait_until

# Debian's command on the PATH becomes another user first.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# As docs/executors.md says that users need it: configure, write, read.
_PERMISSIONS = {
    "server": ("^$", r"^amq\.default$", "^$"),
    "worker": (r"^gatehouse\.", "^$", r"^gatehouse\."),
    "admin": (".*", ".*", ".*"),
}
_PASSWORD = "p@ss/word"  # of no one


class RabbitMqServer(Started):
    """One node with the users ``server``, ``worker`` and ``admin``, with TLS beside where it has
    a certificate. It may be killed and started again: what is durable is there then, unless it is told to forget."""

    def __init__(self, folder: Path, *, certificate: Path | None = None) -> None:
        self._folder = folder
        self.certificate = certificate  # and its key
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self.port, self.tls_port, self._dist_port, self._epmd_port = (free_port() for _ in range(4))

    def url(self, user: str) -> str:
        """Return the URL of a user."""
        return f"amqp://{user}:p%40ss%2Fword@127.0.0.1:{self.port}/gate"

    def connect(self) -> amqp.Connection:
        """Return a connection that may do everything."""
        connection = amqp.Connection(
            f"127.0.0.1:{self.port}", "admin", _PASSWORD, virtual_host="gate", connect_timeout=5
        )
        connection.connect()
        return connection

    def start_node(self) -> None:
        """Start the node; return when it lets people in."""
        with (self._folder / "node.log").open("ab") as log:
            self._node = subprocess.Popen(
                [str(_DEBIAN) if _DEBIAN.exists() else "rabbitmq-server"],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, timeout_s=90, what="RabbitMQ answers")

    def kill(self) -> None:
        """Kill the node as the kernel does."""
        if self._node is not None:
            self._node.kill()
            self._node.wait(10)

    def forget(self) -> None:
        """Have a node that was killed begin with nothing."""
        shutil.rmtree(self._folder / "data")

    def send_signal(self, number: signal.Signals) -> None:
        """Freeze the node, or let it go on."""
        assert self._node is not None
        self._node.send_signal(number)

    def start(self) -> None:
        """Start the node with all that it needs."""
        self._folder.mkdir(parents=True)
        self._write_configuration()
        epmd = ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
        self._epmd = subprocess.Popen(epmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start_node()

    def close(self) -> None:
        """End it by force."""
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(10)

    def _answers(self) -> bool:
        assert self._node is not None
        assert self._node.poll() is None, (self._folder / "node.log").read_text()[-4000:]
        try:
            self.connect().close()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if "RABBIT" not in name}
        return own | {
            "HOME": str(self._folder),  # where the cookie is
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"gatehouse{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell stays in front of it
        }

    def _write_configuration(self) -> None:
        pem = self.certificate
        options = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "load_definitions": str(self._folder / "definitions.json"),
            "log.file.level": "warning",
            "disk_free_limit.absolute": "10MB",
        }
        if pem is not None:
            options["listeners.ssl.1"] = f"127.0.0.1:{self.tls_port}"
            names = ("certfile", "keyfile", "cacertfile")
            options |= {f"ssl_options.{name}": str(pem) for name in names}
        lines = "".join(f"{name} = {value}\n" for name, value in options.items())
        (self._folder / "rabbitmq.conf").write_text(lines)
        (self._folder / "plugins").write_text("[].")
        (self._folder / "definitions.json").write_text(json.dumps(_definitions()))


def _definitions() -> dict[str, object]:
    salted = b"salt" + hashlib.sha256(b"salt" + _PASSWORD.encode()).digest()
    hashed = base64.b64encode(salted).decode()
    keys = ("configure", "write", "read")
    return {
        "vhosts": [{"name": "gate"}],
        "users": [
            {"name": name, "password_hash": hashed, "tags": "", "limits": {}}
            for name in _PERMISSIONS
        ],
        "permissions": [
            {"user": name, "vhost": "gate", **dict(zip(keys, patterns, strict=True))}
            for name, patterns in _PERMISSIONS.items()
        ],
    }
