"""Ports for the servers that tests start, side by side with others that do the same."""

import random
import socket
from contextlib import suppress

_RANDOM = random.SystemRandom()  # whatever is seeded, not the same ports in each process


def free_port() -> int:
    """Return a port that nobody listens on just now, and that the system gives to no connection
    that goes out: those begin at 32,768 on Linux."""
    while True:
        port = _RANDOM.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
