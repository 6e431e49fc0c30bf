"""Can the address be listened on? Asked before a start, of which nothing has to be undone then."""

import errno
import socket


def try_to_listen(host: str, port: int) -> None:
    """Listen there for a moment. Raises OSError, as the server would."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # as servers do: TIME_WAIT is no obstacle
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def listen_problem(host: str, port: int, error: OSError) -> str:
    """Return why it can't be, as a sentence without its end."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    return f"can't listen on {host}, port {port}: {error.strerror}"
