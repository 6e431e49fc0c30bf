"""One launcher for one var folder: two would start two servers on one set of data."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.processes.private_files import make_private_folder
from shared.errors import GatehouseError


class StartError(GatehouseError):
    """Gatehouse can't start here and now; the message says what to do."""

    code = "start"


@contextmanager
def single_start(var: Path) -> Iterator[Callable[[str], None]]:
    """Hold the folder, made if need be, for this process.
    The lock ends with the process, however it ends. Call what is given with the address,
    once it is served.

    Raises StartError, naming the other launcher's process and address, when there is one.
    """
    make_private_folder(var)
    with (var / "launcher.lock").open("a+") as file:
        file.seek(0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, address = file.read().strip().partition("\n")
            raise StartError(
                f"already running from {var} (process {pid or 'unknown'}"
                f"{address and f', at {address}'}); for a second one name another folder in "
                "GATEHOUSE_VAR_DIR"
            ) from None

        def write(text: str) -> None:
            file.write(f"{text}\n")
            file.flush()

        file.truncate(0)
        write(str(os.getpid()))
        yield write
