"""The session engine: the only writer of sessions.
Set ``SESSION_ENGINE = "django_site.sessions.engine"``.

What it does that Django's cache engine does not: the value is signed JSON bound to its entry, never
a pickle; the entry's name holds no usable cookie; insert is not update (a session that was logged
out is never written back); the absolute lifetime counts from the session's begin; an outage is an
error (SessionStoreUnavailable), never an empty session. Saving writes what this request changed,
not all that it read (django_site.sessions.changes): a renewal undoes nobody's change.

The async methods are SessionBase's own, which run these in a thread.
"""

import logging
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import (
    VALID_KEY_CHARS,
    CreateError,
    SessionBase,
    UpdateError,
)
from django.utils import timezone
from django.utils.crypto import get_random_string

from django_site.contract import contract_settings, session_format, session_store
from django_site.publishing.presence import SLACK_S
from django_site.publishing.versions import PUBLISHED
from django_site.sessions.changes import merged
from django_site.sessions.index import forget_ended
from shared.contract.entries import (
    PREFIX,
    is_session_key,
    principal_entry,
    session_entry,
    sessions_of_entry,
)
from shared.contract.session import USER_ID, SessionRecord
from shared.errors import EntryFormatError
from shared.redis import Script, scan

security_log = logging.getLogger("gatehouse.security")

_KEY_LENGTH = 32
# to repeat the changes on what others wrote; then the last writer wins, as with stock Django
_TRIES = 5
_REFUSED, _SAVED, _OTHER_WROTE = 0, 1, 2  # what the script answers
_SAVE = Script.read(Path(__file__).with_name("save.lua"))


class SessionStore(SessionBase):
    """One request's session. Every method that reaches Redis raises SessionStoreUnavailable while
    it is away."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.created_at: int | None = None
        self._seen = ""  # the stored value that the data was read from
        self._is_reserved = False  # it has a key that nothing is stored under yet

    def load(self) -> dict[str, Any]:
        """Return the session data; anything unsigned,
        altered or over is an empty session under no key."""
        value = session_store().get(session_entry(str(self.session_key)))
        record = self._record(value)
        if record is None:
            self._session_key = None
            return {}
        self.created_at, self._seen = record.created_at, str(value)
        return record.data

    def _record(self, value: str | None, entry: str | None = None) -> SessionRecord | None:
        """Return what is stored in ``entry``, by default this session's;
        None when that is over or not ours."""
        if value is None:
            return None
        entry = entry or session_entry(str(self.session_key))
        try:
            return session_format().decode(entry, value, now=time.time())
        except EntryFormatError as error:
            security_log.warning("session refused", extra={"entry": entry, "reason": error.message})
            return None

    def create(self) -> None:
        """Store the session under a fresh key: the moment its absolute lifetime counts from."""
        while True:
            self._reserve_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Write what was changed, and a new idle lifetime.
        A session whose time is over ends, without a word.

        Raises CreateError for a taken key, UpdateError for a session deleted meanwhile.
        """
        if self.session_key is None:
            return self.create()
        must_create = must_create or self._is_reserved
        self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # django-stubs lacks it
        outcome = _OTHER_WROTE
        for is_last in (False,) * _TRIES + (True,):
            outcome = self._try_to_save(must_create=must_create, whatever_stands=is_last)
            if outcome != _OTHER_WROTE:
                break
            self._take_over_other_changes()
        if outcome == _REFUSED:
            raise CreateError if must_create else UpdateError
        return None

    def _try_to_save(self, *, must_create: bool, whatever_stands: bool) -> int:
        now = int(time.time())
        if must_create or self.created_at is None:
            self.created_at = now
        record = SessionRecord(
            data=self._data(), created_at=self.created_at, expires_at=now + self.get_expiry_age()
        )
        ttl_s = session_format().remaining_s(record, now=now)
        if ttl_s <= 0:
            self.delete()
            return _SAVED
        entry = session_entry(str(self.session_key))
        value, seen = session_format().encode(entry, record), "" if whatever_stands else self._seen
        user_id = record.user_id or ""
        keys = [entry, sessions_of_entry(user_id), principal_entry(user_id), PUBLISHED]
        arguments: list[str | int] = [
            "NX" if must_create else "XX",
            value,
            ttl_s,
            "1" if USER_ID in record.data else "0",
            seen,
            SLACK_S,
        ]
        outcome = int(session_store().run(_SAVE, keys, arguments))
        if outcome == _SAVED:
            self._seen, self._is_reserved = value, False
        return outcome

    def _take_over_other_changes(self) -> None:
        """Read what another request wrote since this one read,
        and make this one's changes to it."""
        before, value = (
            self._record(self._seen),
            session_store().get(session_entry(str(self.session_key))),
        )
        record = self._record(value)
        if before is not None and record is not None:
            self._session_cache = merged(before.data, self._data(), record.data)
            self._seen = str(value)

    def cycle_key(self) -> None:
        """Go on under a fresh key, with what others wrote meanwhile;
        nothing is taken over from a session that was ended.

        A session that isn't stored yet is stored by the next ``save``: a log-in writes it once.
        """
        data, old, before = self._data(), self.session_key, self._record(self._seen or None)
        if not old or self._is_reserved:
            self._reserve_key()
            return
        self._session_cache = {}
        self.create()
        self._session_cache = self._rest_of(old, before, data)
        self.save()

    def _reserve_key(self) -> None:
        self._session_key = self._get_new_session_key()
        self._is_reserved = self.modified = True

    def _rest_of(
        self, old: str, before: SessionRecord | None, data: dict[str, Any]
    ) -> dict[str, Any]:
        """End the session under the key ``old``;
        return its data of now, with this request's changes."""
        entry = session_entry(old)
        value = cast("str | None", session_store().write(lambda client: client.getdel(entry)))
        now = self._record(value, entry)
        if now is None:
            return {}
        return data if before is None else merged(before.data, data, now.data)

    def _data(self) -> dict[str, Any]:
        """Return the data, read on first use."""
        data: dict[str, Any] = self._get_session()  # type: ignore[attr-defined]  # django-stubs lacks it
        return data

    async def acycle_key(self) -> None:
        """Do what ``cycle_key`` does."""
        await sync_to_async(self.cycle_key)()

    def exists(self, session_key: str | None) -> bool:
        """Tell whether an entry stands under this key."""
        if not self._validate_session_key(session_key):
            return False
        return bool(
            session_store().read(lambda client: client.exists(session_entry(str(session_key))))
        )

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session: this one, or that of another key.
        Idempotent, but not retried when Redis is away."""
        session_key = session_key or self.session_key
        if session_key:
            session_store().write(lambda client: client.delete(session_entry(session_key)))

    @classmethod
    def clear_expired(cls) -> None:
        """Forget sessions that Redis let expire in the sets that list each person's (``manage.py
        clearsessions``)."""
        for index in scan(session_store(), f"{PREFIX}sessions-of:*"):
            forget_ended(index)

    def get_session_cookie_age(self) -> int:
        """Return the idle lifetime: the contract's setting, not Django's SESSION_COOKIE_AGE."""
        return contract_settings().session_idle_s

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return the seconds until the session ends:
        ``set_expiry`` may shorten the idle lifetime, never exceed it."""
        return min(super().get_expiry_age(**kwargs), contract_settings().session_idle_s)

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """Return when the session ends, by the same rule."""
        began: datetime = kwargs.get("modification") or timezone.now()
        return min(
            super().get_expiry_date(**kwargs),
            began + timedelta(seconds=contract_settings().session_idle_s),
        )

    async def aget_expiry_age(self, **kwargs: Any) -> int:
        """Return what ``get_expiry_age`` returns."""
        return min(await super().aget_expiry_age(**kwargs), contract_settings().session_idle_s)

    async def aget_expiry_date(self, **kwargs: Any) -> datetime:
        """Return what ``get_expiry_date`` returns."""
        return await sync_to_async(self.get_expiry_date)(**kwargs)

    def _get_new_session_key(self) -> str:
        # No look whether it is free: SET NX is that look, without the race.
        return get_random_string(_KEY_LENGTH, VALID_KEY_CHARS)

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and is_session_key(str(key))
