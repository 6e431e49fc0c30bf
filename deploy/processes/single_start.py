"""One launcher for one var folder: two would start two servers on one set of data."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.processes.private_files import make_private_folder
from shared.errors import GatehouseError


class StartError(GatehouseError):
    """Gatehouse can't start here and now; the message says what to do."""

    code = "start"


@contextmanager
def single_start(var: Path) -> Iterator[None]:
    """Hold the folder, made if need be, for this process.
    The lock ends with the process, however it ends.

    Raises StartError, naming the other launcher's process, when there is one.
    """
    make_private_folder(var)
    with (var / "launcher.lock").open("a+") as file:
        file.seek(0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"already running from {var} (process {file.read().strip() or 'unknown'})"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
