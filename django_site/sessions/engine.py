"""The session engine: the only writer of sessions. Set ``SESSION_ENGINE = "django_site.sessions.engine"``.

What it does that Django's cache engine does not: the value is signed JSON bound to its entry, never a pickle; the entry's
name holds no usable cookie; insert is not update (a session that was logged out is never written back); the absolute
lifetime counts from the session's begin; an outage is an error (SessionStoreUnavailable), never an empty session.

The async methods are SessionBase's own, which run these in a thread.
"""

import logging
import time
from pathlib import Path
from typing import Any

from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase, UpdateError
from django.utils.crypto import get_random_string

from django_site.sessions.contract import contract_settings, session_format, session_store
from django_site.sessions.index import forget_ended
from shared.entries import PREFIX, is_session_key, session_entry, sessions_of_entry
from shared.errors import SessionFormatError
from shared.redis import Script, scan
from shared.session import USER_ID, SessionRecord

security_log = logging.getLogger("gatehouse.security")

_KEY_LENGTH = 32
_SAVE = Script.read(Path(__file__).with_name("save.lua"))


class SessionStore(SessionBase):
    """One request's session. Every method that reaches Redis raises SessionStoreUnavailable while it is away."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.created_at: int | None = None

    def load(self) -> dict[str, Any]:
        """Return the session data; anything unsigned, altered or over is an empty session under no key."""
        entry = session_entry(str(self.session_key))
        value = session_store().get(entry)
        if value is not None:
            try:
                record = session_format().decode(entry, value, now=time.time())
            except SessionFormatError as error:
                security_log.warning("session refused", extra={"entry": entry, "reason": error.message})
            else:
                self.created_at = record.created_at
                return record.data
        self._session_key = None
        return {}

    def create(self) -> None:
        """Store the session under a fresh key: the moment its absolute lifetime counts from."""
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Write the session. Raises CreateError for a taken key, UpdateError for a session deleted meanwhile."""
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # django-stubs lacks it
        now = int(time.time())
        if must_create or self.created_at is None:
            self.created_at = now
        record = SessionRecord(data=data, created_at=self.created_at, expires_at=now + self.get_expiry_age())
        ttl_s = session_format().remaining_s(record, now=now)
        if ttl_s <= 0:
            self.delete()
            raise UpdateError
        if not self._write(record, ttl_s, "NX" if must_create else "XX"):
            raise CreateError if must_create else UpdateError
        return None

    def _write(self, record: SessionRecord, ttl_s: int, mode: str) -> bool:
        entry = session_entry(str(self.session_key))
        value = session_format().encode(entry, record)
        keys = [entry, sessions_of_entry(record.user_id or "")]
        arguments: list[str | int] = [mode, value, ttl_s, "1" if USER_ID in record.data else "0"]
        return bool(session_store().run(_SAVE, keys, arguments))

    def exists(self, session_key: str) -> bool:
        """Tell whether an entry stands under this key."""
        if not is_session_key(session_key):
            return False
        return bool(session_store().read(lambda client: client.exists(session_entry(session_key))))

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session: this one, or that of another key. Idempotent, but not retried when Redis is away."""
        session_key = session_key or self.session_key
        if session_key:
            session_store().write(lambda client: client.delete(session_entry(session_key)))

    @classmethod
    def clear_expired(cls) -> None:
        """Forget sessions that Redis let expire in the sets that list each person's (``manage.py clearsessions``)."""
        for index in scan(session_store(), f"{PREFIX}sessions-of:*"):
            forget_ended(index)

    def get_session_cookie_age(self) -> int:
        """Return the idle lifetime: the contract's setting, not Django's SESSION_COOKIE_AGE."""
        return contract_settings().session_idle_s

    def _get_new_session_key(self) -> str:
        # No look whether it is free: SET NX is that look, without the race.
        return get_random_string(_KEY_LENGTH, VALID_KEY_CHARS)

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and is_session_key(str(key))
