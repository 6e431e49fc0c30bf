"""The client's connection under a stream, as far as the server shows it:
has it gone, and how long may a write take?

A server thread that only writes notices a client that left at its second write after that,
and one that reads nothing never.
"""

import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

# How long one write, of 64 kB at most, may take until the thread is wanted back.
WRITE_TIMEOUT_S = 5.0
# gunicorn's own name, and the one that deploy/servers/cherrypy.py uses.
_SOCKETS = ("gunicorn.socket", "gatehouse.socket")
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Connection:
    """One client. Where the server shows no socket, it is never seen to leave,
    and the next heartbeats find out."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._socket: socket.socket | None = next(
            (environ[name] for name in _SOCKETS if name in environ), None
        )

    def bound_writes(self) -> None:
        """Let a write that takes too long raise TimeoutError,
        which the server takes for a broken connection."""
        if self._socket is not None:
            self._socket.settimeout(WRITE_TIMEOUT_S)

    @property
    def is_gone(self) -> bool:
        """Tell whether the client has hung up. Doesn't block."""
        if self._socket is None:
            return False
        poller = select.poll()
        with suppress(ValueError):  # closed here already: as gone as it can be
            poller.register(self._socket, _GONE)
            return bool(poller.poll(0))
        return True
