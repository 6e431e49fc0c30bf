"""Entries as an attacker or an accident would leave them in Redis:
written past the engine and its guards."""

import secrets
import string
import time
from pathlib import Path
from typing import Any, cast

import redis
from django.core.signing import TimestampSigner

from shared.contract.entries import principal_entry, session_entry
from shared.contract.session import SessionFormat, SessionRecord
from shared.contract.signing import EntrySigner
from shared.settings import ContractSettings

KEPT_S = 600


class Forge:
    """Knows the session secrets when a case needs a valid signature;
    every entry it writes lives for ten minutes."""

    def __init__(self, admin: redis.Redis, settings: ContractSettings) -> None:
        self.admin = admin
        self.secrets = settings.secrets
        self.lifetimes = settings.lifetimes
        self._format = SessionFormat(EntrySigner(settings.secrets), settings.lifetimes)

    def new_key(self) -> str:
        """Return a session key that nobody has."""
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(32))

    def value_of(self, key: str) -> bytes:
        """Return what is stored for a session key."""
        return cast(bytes, self.admin.get(session_entry(key)))

    def put(self, value: bytes | str, *, key: str | None = None) -> str:
        """Store a value under a session key, a new one by default; return the key."""
        key = key or self.new_key()
        self.admin.set(session_entry(key), value, ex=KEPT_S)
        return key

    def put_record(
        self, data: dict[str, Any], *, created_ago_s: int = 0, expires_in_s: int = KEPT_S
    ) -> str:
        """Store a well signed session with these times; return its key."""
        key, now = self.new_key(), int(time.time())
        record = SessionRecord(
            data=data, created_at=now - created_ago_s, expires_at=now + expires_in_s
        )
        return self.put(self._format.encode(session_entry(key), record), key=key)

    def data_of(self, key: str) -> dict[str, Any]:
        """Return the session data stored for a key."""
        return self._format.decode(
            session_entry(key), self.value_of(key).decode(), now=time.time()
        ).data

    def payload(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the payload of a session that would be accepted if it were signed right."""
        now = int(time.time())
        return {"v": 1, "created_at": now, "expires_at": now + KEPT_S, "data": data}

    def signed(self, payload: dict[str, Any], *, secret: str, salt: str, age_s: float = 0) -> str:
        """Return the payload signed by Django's signer with this secret and salt,
        some seconds ago."""
        return str(_AgedSigner(key=secret, salt=salt, age_s=age_s).sign_object(payload))

    def put_principal(self, user_id: object, value: bytes | str | None) -> None:
        """Replace a person's principal; None removes it."""
        if value is None:
            self.admin.delete(principal_entry(str(user_id)))
        else:
            self.admin.set(principal_entry(str(user_id)), value)

    def principal_of(self, user_id: object) -> bytes:
        """Return what is stored for a person."""
        return cast(bytes, self.admin.get(principal_entry(str(user_id))))


class _AgedSigner(TimestampSigner):
    def __init__(self, *, key: str, salt: str, age_s: float) -> None:
        super().__init__(key=key, salt=salt, fallback_keys=[])
        self._age_s = age_s

    def timestamp(self) -> str:
        from django.core.signing import b62_encode

        return b62_encode(int(time.time() - self._age_s))


class Touch:
    """Unpickled, it makes a file: the proof that somebody loaded it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._path,))
