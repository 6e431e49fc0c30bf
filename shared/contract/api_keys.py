"""API keys: what one looks like, and the record that Django publishes for it.

A key, as shown once to its person: ``gh_`` + 43 base62 characters (256 random bits)
+ 6 base62 characters of CRC-32::

    gh_4yqf0JH7nJ2sB1m0cX8mZk3vQe5tRwUaLpDsGhKi9Bn1hT7Wc        (49 characters follow the prefix)

Secret scanners match ``gh_[0-9A-Za-z]{49}`` and can tell a key from a word by the checksum; so can
the gate, before it asks Redis. Only the SHA-256 is kept.
The record under ``gatehouse:key:<sha256 hex>``, before signing::

    {"v": 1, "version": 4711, "id": "12", "user_id": "7", "name": "nightly",
     "scopes": ["jobs:read", "jobs:submit"], "expires_at": 1771405200}

``version`` grows with every publish, as a principal's does (shared.contract.principal).
"""

import re
import secrets
import string
import zlib
from dataclasses import asdict, dataclass

from shared.contract.entries import key_entry_of_digest
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

VERSION = 1
PREFIX = "gh_"
READ_SCOPE = "jobs:read"
OPERATE_SCOPE = "jobs:operate"
# Of operators: to look at what runs and at everybody's jobs, and to act there.
OPERATE_READ_SCOPE = "operate:read"
OPERATE_WRITE_SCOPE = "operate:write"
SCOPES = (
    READ_SCOPE,
    "jobs:submit",
    "jobs:cancel",
    OPERATE_SCOPE,
    OPERATE_READ_SCOPE,
    OPERATE_WRITE_SCOPE,
)
TASK_SCOPE_PREFIX = "tasks:"
SERVICE_SCOPE_PREFIX = "services:"

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 43
_CHECKSUM_LENGTH = 6
_KEY = re.compile(r"gh_[0-9A-Za-z]{49}", re.ASCII)
_SCOPE = re.compile(
    r"jobs:(read|submit|cancel|operate)|operate:(read|write)|tasks:[a-z0-9_.]{1,100}|services:[a-z0-9_.-]{1,64}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One API key as the gate sees it. ``expires_at`` is seconds since 1970."""

    id: str
    user_id: str
    name: str
    scopes: frozenset[str]
    expires_at: int


def new_key() -> str:
    """Return a fresh key with 256 bits from the operating system."""
    body = _base62(secrets.randbits(256), _RANDOM_LENGTH)
    return PREFIX + body + _checksum(body)


def is_key(candidate: str) -> bool:
    """Tell whether ``candidate`` has the form and the checksum of a key;
    says nothing about who holds it."""
    if _KEY.fullmatch(candidate) is None:
        return False
    body = candidate[len(PREFIX) : -_CHECKSUM_LENGTH]
    return candidate[-_CHECKSUM_LENGTH:] == _checksum(body)


def is_scope(candidate: str) -> bool:
    """Tell whether ``candidate`` is a scope: one of SCOPES, tasks:<task name>,
    or services:<name> of a service behind a proxy that asks /api/auth."""
    return _SCOPE.fullmatch(candidate) is not None


def encode_key(
    signer: EntrySigner, token_digest: str, record: KeyRecord, *, version: int = 0
) -> str:
    """Return the signed value for the entry of the key with this SHA-256,
    as published under ``version`` (0: in no order)."""
    payload = asdict(record)
    payload["scopes"] = sorted(record.scopes)
    return signer.sign(
        key_entry_of_digest(token_digest), {"v": VERSION, "version": version, **payload}
    )


def decode_key(signer: EntrySigner, token_digest: str, value: str, *, now: float) -> KeyRecord:
    """Return the record of the key with this SHA-256,
    or raise EntryFormatError if it is forged or expired."""
    payload = signer.unsign(key_entry_of_digest(token_digest), value)
    if payload.get("v") != VERSION:
        raise EntryFormatError(f"the key record's version is not {VERSION}")
    try:
        record = KeyRecord(
            id=str(payload["id"]),
            user_id=str(payload["user_id"]),
            name=str(payload["name"]),
            scopes=frozenset(payload["scopes"]),
            expires_at=int(payload["expires_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EntryFormatError("the key record lacks a field") from error
    if now >= record.expires_at:
        raise EntryFormatError("the key has expired")
    return record


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)
