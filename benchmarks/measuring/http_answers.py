"""An answer over HTTP/1.1, read from a socket by a load that has no time for a client."""

import socket


def read_answer(client: socket.socket) -> tuple[int, bytes]:
    """Return one answer's status and all of its bytes; it must have a Content-Length. Raises
    RuntimeError when the server closes in the middle."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + _length(data[:end]):
        piece = client.recv(65_536)
        if not piece:
            raise RuntimeError("the server closed a connection in the middle of an answer")
        data += piece
    return int(data[9:12]), data


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
