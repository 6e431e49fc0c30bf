"""The command without the start of an interpreter:
one process that has imported it, and forks for each run.

What is run is the same function, in a process of its own, on files of its own; only what Python
does before it is shared. Here is the side that forks: ``python -m tests.cli.forks FD``.
Each message is a JSON object with the files as descriptors.
"""

import json
import os
import socket
import sys
from typing import Any

import httpx  # noqa: F401  # what most commands import first
import rich.console
import rich.table  # noqa: F401

import gatehouse
from gatehouse.cli.main import main

_MESSAGE_MAX_BYTES = 1 << 20
_FILES = 3  # stdin, stdout, stderr


def serve(connection: socket.socket) -> None:
    """Run commands until the other side is gone; answer each with its exit code.
    Returns in a child, to be the command."""
    while True:
        message, files, _, _ = socket.recv_fds(connection, _MESSAGE_MAX_BYTES, _FILES)
        if not message:
            connection.close()
            sys.exit()
        child = os.fork()
        if not child:
            connection.close()
            _become(json.loads(message), files)
            return
        for file in files:
            os.close(file)
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


def _become(run: dict[str, Any], files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(run["folder"])
    os.environ.clear()
    os.environ.update(run["environment"])
    sys.argv[1:] = run["words"]


if __name__ == "__main__":
    gatehouse.Client  # noqa: B018  # loaded when it is first used
    serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main())
