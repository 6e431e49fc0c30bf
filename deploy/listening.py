"""Can the address be listened on? Asked before a start, of which nothing has to be undone then."""

import errno
import socket
from collections.abc import Sequence
from typing import Any


def try_to_listen(host: str, port: int) -> None:
    """Listen for a moment at the first address of the host that can be bound. Raises OSError, as
    the server would."""
    refused: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port):
        try:
            with socket.socket(family, kind, protocol) as probe:
                # as servers do: TIME_WAIT is no obstacle
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            refused = refused or error
        else:
            return
    if refused is not None:
        raise refused


def _addresses(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from error


def listen_problem(host: str, port: int, error: OSError) -> str:
    """Return why it can't be, as a sentence without its end."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    return f"can't listen on {host}, port {port}: {error.strerror}"
