"""What is read of the environment before all settings: where the files of a start are, and how the
names of all entries in Redis begin.

Names are made as modules are loaded, and every signature is bound to one, so that beginning is one
for a whole process (docs/adr/0011-one-slot-of-a-cluster.md). It is a setting all the same:
``ContractSettings.redis_prefix`` is this one, or refused.
"""

import os
import re
import sys
from pathlib import Path

from dotenv import dotenv_values

ENV_PREFIX = "GATEHOUSE_"
DEFAULT_REDIS_PREFIX = "gatehouse:"
# A word, or one in braces: a hash tag, which puts all entries with it into one slot of a Cluster.
REDIS_PREFIX_PATTERN = r"([a-z0-9_-]{1,40}|\{[a-z0-9_-]{1,40}\}):"
# The checkout, or the folder of the installed packages.
ROOT = Path(__file__).resolve().parents[1]
_VARIABLE = f"{ENV_PREFIX}REDIS_PREFIX"
# Where the launcher was started: its processes run in our own folder. It tells them by this.
START_DIR = f"{ENV_PREFIX}START_DIR"


def is_installed() -> bool:
    """Tell whether these are installed packages, not a checkout."""
    return not (ROOT / "pyproject.toml").exists()


def var_dir() -> Path:
    """Return the folder of what runs on this machine.

    ``GATEHOUSE_VAR_DIR``, else ``var`` in the checkout,
    or in the working folder where Gatehouse is installed.
    """
    return Path(os.environ.get(f"{ENV_PREFIX}VAR_DIR") or _home() / "var").resolve()


def start_dir() -> Path:
    """Return the folder from which what is relative counts: the checkout, or where Gatehouse is
    installed the one that it was started in."""
    return Path(os.environ.get(START_DIR) or _home())


def find_modules_at_start_dir() -> None:
    """Have modules with tasks found where Gatehouse was started, if it is installed. Behind all
    others: a ``secrets.py`` beside somebody's tasks hides nothing of Python's. Idempotent."""
    folder = os.environ.get(START_DIR)
    if folder and folder not in sys.path:
        sys.path.append(folder)


def _home() -> Path:
    return Path.cwd() if is_installed() else ROOT


def redis_prefix() -> str:
    """Return how names begin, by ``GATEHOUSE_REDIS_PREFIX`` of the environment, else of
    var/contract.env. The usual one for what is no prefix: settings refuse that when they are
    read, with the variable's name."""
    named = os.environ.get(_VARIABLE)
    file = var_dir() / "contract.env"
    if named is None and file.is_file():
        named = dotenv_values(file).get(_VARIABLE)
    is_one = named and re.fullmatch(REDIS_PREFIX_PATTERN, named, re.ASCII)
    return named if named and is_one else DEFAULT_REDIS_PREFIX
