"""Close a connection whose request body nobody wants, so that the client still reads the answer.

A socket that is closed with unread bytes in it resets the connection, and most clients that are
still sending then report the reset and throw the answer away. Source: RFC 9112, 9.6.
"""

import socket
import time
from contextlib import suppress

# Bounds what one client may cost a thread: time and bytes.
DEADLINE_S = 2.0
MAX_BYTES = 64 * 1024 * 1024

_CHUNK = 65_536


def drain(client: socket.socket) -> None:
    """Send no more, and read away what the client still sends,
    until it stops or a bound is reached. Never raises."""
    deadline = time.monotonic() + DEADLINE_S
    read = 0
    with suppress(OSError):  # gone, or too slow
        client.shutdown(socket.SHUT_WR)
        while read < MAX_BYTES and (left_s := deadline - time.monotonic()) > 0:
            client.settimeout(left_s)
            chunk = client.recv(_CHUNK)
            if not chunk:
                return
            read += len(chunk)
