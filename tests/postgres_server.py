"""A PostgreSQL server of a test run's own: in a folder, on a Unix socket, gone with the run."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.waiting import wait_until

_DEBIAN = Path("/usr/lib/postgresql")  # <version>/bin, on nobody's PATH
# It is thrown away: a crash of the machine may cost what it holds.
_OPTIONS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses= -c max_connections=200"


class PostgresServer:
    """One server with one empty database. As root it runs as the user ``nobody``: PostgreSQL
    refuses root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL of its database."""
        return f"postgres://{self._user}@{str(self._folder).replace('/', '%2F')}/postgres"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "-D",
            str(self._data),
        )
        log = (self._folder / "log").open("wb")
        command = [
            _program("postgres"),
            "-D",
            str(self._data),
            "-k",
            str(self._folder),
            *_OPTIONS.split(),
        ]
        self._process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=self._folder, user=self._as_user()
        )
        log.close()
        wait_until((self._folder / ".s.PGSQL.5432").exists, timeout_s=60, what="PostgreSQL listens")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a "fast" end: connections are closed
            self._process.wait(30)

    def _as_user(self) -> str | None:
        return self._user if os.geteuid() == 0 else None

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [_program(program), *arguments]
        subprocess.run(
            command, check=True, capture_output=True, cwd=self._folder, user=self._as_user()
        )


def _program(name: str) -> str:
    """Return the newest of Debian's, else what is on the PATH."""
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else name
