"""A Valkey server of our own, for a laptop and for tests:
private, durable, reachable on a unix socket.

    with EmbeddedValkey(Path("var/valkey"), passwords=new_passwords()) as valkey:
        client = build_client(valkey.url("api"), timeout_s=0.2, max_connections=4)

Its users are those of deploy/redis/users.acl, the file that operators use too. What it was told
(``valkey.conf``, ``users.acl``), what it says (``valkey.log``)
and its data are files in the folder, readable by this person only.
"""

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from redis.exceptions import BusyLoadingError, RedisError

from deploy.processes.child import ChildError, ChildProcess
from deploy.processes.private_files import make_private_folder, replace_private
from deploy.redis.durability import CAN_NOT_WRITE, Durability
from deploy.redis.server_program import find_server
from deploy.redis.users import render_acl
from shared.errors import ConfigurationError
from shared.redis import RedisClient, build_client
from shared.redis.replies import code_of

log = logging.getLogger("gatehouse.launcher")

START_DEADLINE_S = 10.0  # of silence: one that says that it reads its data is waited for
STOP_TIMEOUT_S = 10.0

_PING_TIMEOUT_S = 0.2
_LONG_READ_S = 2.0  # of its data: then it is said
_POLL_S = 0.01
# sockaddr_un holds 108 bytes with its final zero on Linux, 104 on macOS.
_SOCKET_PATH_LIMIT = 103

_CONFIG = """\
port {port}
bind 127.0.0.1
unixsocket {socket}
unixsocketperm 700
dir {folder}
logfile {log_file}
loglevel warning
aclfile {acl_file}
daemonize no
# An acknowledged write survives a crash of the server, and is never evicted: jobs and sessions are
# not a cache. Written before it is acknowledged, and put onto the disk by a process beside
# the server (deploy/redis/append_sync.py says why).
appendonly yes
appendfsync no
save ""
maxmemory {max_bytes}
maxmemory-policy noeviction
# A job's record as a table, not as one piece of memory that grows with each field: the wheel's
# Valkey has the system's allocator, and glibc's looks longer for room the more is kept. Beside
# 100,000 finished jobs a job took half as long again. The price is room: a kilobyte for each record
# in place of half of one.
hash-max-listpack-entries 8
"""


class EmbeddedValkey:
    """One server in one folder, with a user for each role that has a password. Not thread-safe.

    ``port`` adds a loopback TCP port to the socket. ``max_bytes``: memory for data; full, the
    server refuses what is new. 0 is no bound.
    """

    def __init__(
        self,
        folder: Path,
        *,
        passwords: Mapping[str, str],
        port: int | None = None,
        max_bytes: int = 0,
    ) -> None:
        self.folder = folder.resolve()
        self._max_bytes = max_bytes
        self._passwords = dict(passwords)
        self._port = port
        self._child = ChildProcess("valkey", folder=self.folder)
        self._durability = Durability(self.folder)
        self._socket: Path | None = None

    @property
    def socket(self) -> Path:
        """The unix socket's path: in the folder,
        or in a private temporary one when that path is too long."""
        if self._socket is None:
            self._socket = _socket_path(self.folder)
        return self._socket

    def keep_log_short(self) -> None:
        """Start an empty log when it is full."""
        self._child.keep_log_short()
        self._durability.keep_log_short()

    def look_after_disk(self) -> None:
        """Have the files put onto the disk again, should what does that have been killed. Raises
        ChildError when that can't be, or the disk fails or is full: the server has ended then."""
        self._durability.look(self._child)
        if refusal := self._durability.refusal(self._problem()):
            self.stop()
            raise ChildError(f"Valkey is ended: {refusal}")

    @property
    def last_words(self) -> str:
        """What is known of why the server ended by itself."""
        return self._durability.failure()

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it was not started."""
        return self._child.pid

    def start(self) -> Self:
        """Start the server and return when it answers. While it says that it reads its data, that
        takes as long as it takes.

        Raises ConfigurationError without a server program,
        ChildError with its last log lines when it says nothing for 10 s.
        """
        program = find_server()
        config = self._write_files()
        self._child.start([str(program), str(config)], folder=self.folder)
        try:
            self._wait_until_it_answers()
            self._durability.begin(self._child)
        except BaseException:  # Ctrl-C too: nobody else would stop it
            self.stop()
            raise
        return self

    def adopt(self) -> bool:
        """Take over the server that a killed launcher left in this folder.
        Tells whether there is one that answers."""
        if not self.folder.is_dir() or not self._child.adopt():
            return False
        try:
            self._wait_until_it_answers()
        except ChildError:  # it hangs, can't write, or has other passwords: no use to anybody
            self.stop()
            return False
        # The files may be of an older version of this code than its users are.
        self._write_files()
        with self._admin() as client:
            client.acl_load()
            client.config_set("maxmemory", self._max_bytes)
            client.config_set("appendfsync", "no")
        self._durability.begin(self._child)
        return True

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop the server, by force after ``timeout_s``. Data stays in the folder.
        May be called twice."""
        if self.pid is not None:
            self._durability.give_up_reserve()
        self._child.stop(timeout_s)
        self._durability.end(timeout_s)

    def url(self, role: str) -> str:
        """Return the URL with which ``role`` (one that has a password) connects to the socket."""
        return f"unix://{self._credentials(role)}@{quote(str(self.socket))}"

    def tcp_url(self, role: str) -> str:
        """Return the URL with which ``role`` connects to the TCP port.
        Raises ValueError without a port."""
        if self._port is None:
            raise ValueError("this server listens on its socket only")
        return f"redis://{self._credentials(role)}@127.0.0.1:{self._port}/0"

    def is_running(self) -> bool:
        """Tell whether the server's process lives."""
        return self._child.is_running()

    def answers(self) -> bool:
        """Tell whether the server answers PING now; false while it loads its data."""
        return self._problem() is None

    def _problem(self) -> RedisError | None:
        """Return what keeps the server from answering now."""
        with self._admin() as client:
            try:
                client.ping()
            except RedisError as error:
                return error
        return None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def _admin(self) -> Iterator[RedisClient]:
        client = build_client(
            self.url("admin"), timeout_s=_PING_TIMEOUT_S, max_connections=1, of_primary=False
        )
        try:
            yield client
        finally:
            client.connection_pool.disconnect()

    def _credentials(self, role: str) -> str:
        return f"{role}:{quote(self._passwords[role], safe='')}"

    def _write_files(self) -> Path:
        make_private_folder(self.folder)
        acl_file, config_file = self.folder / "users.acl", self.folder / "valkey.conf"
        replace_private(acl_file, render_acl(self._passwords))
        config = _CONFIG.format(
            port=self._port or 0,
            socket=_quoted(self.socket),
            folder=_quoted(self.folder),
            log_file=_quoted(self._child.log_file),
            acl_file=_quoted(acl_file),
            max_bytes=self._max_bytes,
        )
        replace_private(config_file, config)
        return config_file

    def _wait_until_it_answers(self) -> None:
        began_at = heard_at = time.monotonic()
        while (problem := self._problem()) is not None:
            now = time.monotonic()
            if isinstance(problem, BusyLoadingError):  # it reads its data, however long that takes
                if heard_at - began_at < _LONG_READ_S <= now - began_at:
                    log.warning("gatehouse: Valkey reads its data in %s ...", self.folder)
                heard_at = now
            if code_of(problem) == CAN_NOT_WRITE:
                silence = f"can't write its file ({problem})"
            elif not self._child.is_running():
                silence = f"stopped at once (exit code {self._child.exit_code})"
            elif now - heard_at > START_DEADLINE_S:
                silence = f"did not answer within {START_DEADLINE_S:.0f} s"
            else:
                time.sleep(_POLL_S)
                continue
            raise ChildError(
                f"Valkey {silence}. The end of {self._child.log_file}:\n{self._child.last_lines()}"
            )


def _quoted(path: Path) -> str:
    """Write a path the way the configuration file wants it: it may hold spaces and quotes."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _socket_path(folder: Path) -> Path:
    name = "valkey.sock"
    if len(os.fsencode(folder / name)) <= _SOCKET_PATH_LIMIT:
        return folder / name
    # The same folder must give the same path, or a leftover would not be found again.
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"gatehouse-{os.getuid()}-{short}"
    private.mkdir(mode=0o700, exist_ok=True)
    state = private.lstat()
    # In a shared temporary folder somebody else may have been first,
    # with a folder or link of theirs.
    if (
        not stat.S_ISDIR(state.st_mode)
        or state.st_uid != os.getuid()
        or stat.S_IMODE(state.st_mode) != 0o700
    ):
        raise ConfigurationError(f"{private} is not a private folder of yours: remove it")
    if len(os.fsencode(private / name)) > _SOCKET_PATH_LIMIT:
        raise ConfigurationError(
            "TMPDIR is too long for a unix socket: set GATEHOUSE_VAR_DIR to a shorter path"
        )
    return private / name
