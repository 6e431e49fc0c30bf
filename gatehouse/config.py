"""Where the service is and with which key: given, else from the environment,
else what ``gatehouse login`` saved.

The file is ``config.json`` in the person's configuration folder (platformdirs),
readable by them only:

    {"address": "http://localhost:8080", "key": "gh_...", "key_id": "12",
     "key_name": "laptop", "username": "ada"}
"""

import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import platformdirs

from gatehouse.errors import ConfigurationError

ADDRESS_VARIABLE = "GATEHOUSE_URL"
KEY_VARIABLE = "GATEHOUSE_KEY"
_MAX_BYTES = 65_536
_SHARE_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SHARE_PATH = re.compile(
    rf"/shared/({_SHARE_TOKEN.pattern})/?|/api/shared/({_SHARE_TOKEN.pattern})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccess:
    """An address without a slash at its end, and a key that no repr shows."""

    address: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLogin:
    """The address, key and names that a log-in saves on this machine."""

    address: str
    key: str = field(repr=False)
    key_id: str = ""
    key_name: str = ""
    username: str = ""


def find_access(address: str | None = None, key: str | None = None) -> ServiceAccess:
    """Return the address and the key to use. A saved key goes to the address that it was saved for,
    to no other.

    Raises ConfigurationError that says what is missing or wrong.
    """
    address = address or os.environ.get(ADDRESS_VARIABLE)
    key = key or os.environ.get(KEY_VARIABLE)
    if not (address and key):
        saved = load_saved()
        if not address:
            address = saved.address if saved else None
        if not key and saved and address and check_address(address) == saved.address:
            key = saved.key
    if not address:
        raise ConfigurationError(
            f"No service is known: run 'gatehouse login ADDRESS', or set {ADDRESS_VARIABLE}."
        )
    address = check_address(address)
    if not key:
        raise ConfigurationError(
            f"No key for {address} is known: run 'gatehouse login {address}', "
            f"or set {KEY_VARIABLE}."
        )
    return ServiceAccess(address=address, key=check_key(key))


def check_address(address: str) -> str:
    """Return the address as the client uses it,
    or raise ConfigurationError that says what it must be."""
    try:
        parts = urlsplit(address.strip())
        is_readable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_readable = False
    if not is_readable or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{address!r} isn't a valid address: it must be http://host[:port] or "
            "https://host[:port], with the path of a mount if there is one."
        )
    if "@" in parts.netloc:  # it would be in logs and in the process list
        raise ConfigurationError(
            "The address must not hold a username or a password: give a key instead."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api')}"


def shared_token(link: str, address: str) -> str:
    """Return the token of a shared job's address: of its page, in the API, or the token alone.
    Raises ConfigurationError for all else: what another service shares is not ours to send."""
    link = link.strip()
    if _SHARE_TOKEN.fullmatch(link):
        return link
    try:
        parts, ours = urlsplit(link), urlsplit(address)
        origin, our_origin = _origin(parts), _origin(ours)
    except ValueError:
        raise _no_share(address) from None
    if not all(origin) or "@" in parts.netloc or parts.query or parts.fragment:
        raise _no_share(address)
    mount = ours.path.rstrip("/")
    if origin != our_origin or not parts.path.startswith(f"{mount}/"):
        raise ConfigurationError(f"This job isn't shared at {address}, which is the service asked.")
    found = _SHARE_PATH.fullmatch(parts.path.removeprefix(mount))
    if found is None:
        raise _no_share(address)
    return found[1] or found[2]


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    """Return scheme, host and port, with the port that the scheme means if none is named."""
    usual = {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, parts.hostname or "", usual if parts.port is None else parts.port


def _no_share(address: str) -> ConfigurationError:
    """Say what it must be, and not what it was: that may hold a token."""
    return ConfigurationError(
        f"That isn't the address of a shared job: it must be {address}/shared/TOKEN/, "
        "or the token alone, which has 43 characters."
    )


def check_key(key: str) -> str:
    """Return the key if it can be sent at all, or raise ConfigurationError."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or len(key) > 200:
        raise ConfigurationError(
            "That isn't a valid key: it must be gh_ and 49 characters, as the keys page shows once."
        )
    return key


def path() -> Path:
    """Return the file that a log-in is saved in.
    Raises ConfigurationError where nobody has a home (a bare container)."""
    try:
        return _path()
    except RuntimeError as error:
        raise ConfigurationError(
            f"There is no home folder to read or save a log-in in: set {ADDRESS_VARIABLE} and "
            f"{KEY_VARIABLE}, or HOME."
        ) from error


def _path() -> Path:
    return Path(platformdirs.user_config_dir("gatehouse", appauthor=False)) / "config.json"


def load_saved() -> SavedLogin | None:
    """Return what is saved, None if nothing is.
    Raises ConfigurationError for a file that can't be trusted or read."""
    file = path()
    try:
        with file.open("rb") as opened:
            _refuse_readable_by_others(file, os.fstat(opened.fileno()).st_mode)
            text = opened.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}.") from error
    try:
        values = json.loads(text)
        known = {each.name for each in fields(SavedLogin)}
        saved = SavedLogin(**{name: str(value) for name, value in values.items() if name in known})
        if not (saved.key and saved.address == check_address(saved.address)):
            raise ValueError("no key, or no address")
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigurationError) as error:
        raise ConfigurationError(
            f"{file} is damaged: run 'gatehouse login ADDRESS' again, or delete it."
        ) from error
    return saved


def save(saved: SavedLogin) -> Path:
    """Write the file, whole or not at all, readable by this person only; return it.
    Raises ConfigurationError."""
    file = path()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".config-")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                json.dump(asdict(saved), opened)
                opened.flush()
                os.fsync(opened.fileno())
            Path(name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(f"{file} can't be written: {error.strerror}.") from error
    return file


def forget() -> bool:
    """Delete what is saved; False when there was nothing. Raises ConfigurationError."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path()} can't be deleted: {error.strerror}.") from error
    return True


def _refuse_readable_by_others(file: Path, mode: int) -> None:
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"{file} may be read by others: run 'chmod 600 {file}', or log in again."
        )
