"""Hosts of a network on this machine: each a network namespace with its own address, on one switch.

with Network() as network:
    redis = network.host()
    with redis.inside():
        ...  # what is started here is on that host
    redis.cut()
    redis.heal()

It needs root, ``ip`` and ``tc``: :func:`why_not` says which of them is missing.
"""

import ctypes
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Self

from tests.permission import is_refusal, missing_command

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


class NetHost:
    """A host of the network. The cable may be cut, and slow."""

    def __init__(self, name: str, number: int, subnet: str) -> None:
        self.name = name
        self.address = f"{subnet}.{number}"
        self._cable = f"{name}v"
        _ip("netns", "add", name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")

    def plug_into(self, switch: str) -> None:
        """Connect the cable."""
        _ip("link", "set", self._cable, "master", switch)
        self.heal()

    def cut(self) -> None:
        """Lose every packet; nobody is told."""
        _ip("link", "set", self._cable, "down")

    def heal(self) -> None:
        """Carry packets again."""
        _ip("link", "set", self._cable, "up")

    def slow(self, *, kilobits_s: int) -> None:
        """Let only so much through to this host."""
        rate = ("rate", f"{kilobits_s}kbit", "burst", "4000", "latency", "400ms")
        _run("tc", "qdisc", "add", "dev", self._cable, "root", "tbf", *rate)

    def quicken(self) -> None:
        """Let everything through again."""
        _run("tc", "qdisc", "del", "dev", self._cable, "root")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be on this host in the thread that asks: for its sockets, and all that it starts."""
        with open(f"/run/netns/{self.name}") as wanted, _inside(wanted.fileno()):
            yield

    def remove(self) -> None:
        """Take the host away; what runs on it keeps a network that leads nowhere."""
        _ip("netns", "del", self.name)


class Network:
    """A switch and its hosts."""

    def __init__(self) -> None:
        self._name = f"gh{os.getpid() % 100_000}"
        self._subnet = f"10.213.{random.SystemRandom().randrange(1, 255)}"
        self._hosts: list[NetHost] = []

    def host(self) -> NetHost:
        """Add a host."""
        number = len(self._hosts) + 2
        host = NetHost(f"{self._name}h{number}", number, self._subnet)
        self._hosts.append(host)
        host.plug_into(self._name)
        return host

    def __enter__(self) -> Self:
        _ip("link", "add", self._name, "type", "bridge")
        _ip("link", "set", self._name, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            host.remove()
        _ip("link", "del", self._name)


@cache
def why_not() -> str:
    """Return which command or permission is missing here; empty when none is. Whatever else keeps
    a network from being made is raised: it may be a fault of ours."""
    if missing := missing_command("ip", "tc"):
        return missing
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network() as network:
            host = network.host()
            host.slow(kilobits_s=1000)
            with host.inside():
                pass
    except (OSError, RuntimeError) as error:
        if is_refusal(str(error)):
            return f"no network namespaces are allowed here: {error}"
        raise
    return ""


@contextmanager
def _inside(network: int) -> Iterator[None]:
    with open("/proc/thread-self/ns/net") as before:
        _set(network)
        try:
            yield
        finally:
            _set(before.fileno())


@cache
def _home() -> int:
    """Return the network in which cables end, wherever the test is by then; open for ever."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _set(number: int) -> None:
    """Move this thread: os.setns is of Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(number, _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    with _inside(_home()):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},  # why_not() reads what it says
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
