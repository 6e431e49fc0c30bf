"""People without a Django: their principals, sessions and keys,
written to a real Redis in the formats of ``shared``.

    with People(settings) as people:
        ada = people.add(new_principal("ada", is_staff=True))
        cookie = people.new_session(ada)
        people.add(replace(ada, is_active=False))     # deactivated: the next request is refused

Only tests do this. In a service Django alone writes these entries, and the API's Redis user can't.
"""

import secrets
import string
import time
import uuid
from collections.abc import Iterable
from typing import Any, Self

from redis.exceptions import NoPermissionError

from shared.contract.api_keys import SCOPES, KeyRecord, encode_key, new_key
from shared.contract.entries import (
    SESSIONS_SLOT,
    digest,
    key_entry,
    permissions_entry,
    principal_entry,
    session_entry,
)
from shared.contract.permissions import NO_PERMISSIONS, PermissionSet, encode_permissions
from shared.contract.principal import Principal, encode_principal
from shared.contract.session import USER_BACKEND, USER_HASH, USER_ID, SessionFormat, SessionRecord
from shared.contract.signing import EntrySigner
from shared.errors import ConfigurationError, SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.redis.cluster import with_entry
from shared.settings import ApiSettings

BACKEND = "flask_api.testing"
KEPT_S = 3600
_SESSION_KEY = string.ascii_lowercase + string.digits


def new_principal(
    username: str = "ada",
    *,
    permissions: Iterable[str] = (),
    groups: Iterable[str] = (),
    **fields: Any,
) -> Principal:
    """Return a person nobody else is. ``fields`` are Principal's:
    ``is_staff=True``, ``email_verified=True`` ..."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "auth_hash": secrets.token_hex(32),
        "backends": (BACKEND,),
        **fields,
    }
    return Principal(
        username=username,
        permission_set=PermissionSet.of(permissions),
        groups=frozenset(groups),
        **values,
    )


class People:
    """Writes entries as Django does; on leaving the ``with`` block it removes them.
    Each lives for an hour at most.

    ``writer_url`` is the Redis of ``settings`` for a user that may write sessions. Without it that
    is GATEHOUSE_REDIS_URL when the settings name it, else what the gate reads with.
    """

    def __init__(self, settings: ApiSettings, *, writer_url: str | None = None) -> None:
        url = writer_url or _writer_url(settings)
        self._store = RedisGateway(
            build_client(url, timeout_s=1, max_connections=2), unavailable=SessionStoreUnavailable
        )
        self._signer = EntrySigner(settings.secrets)
        self._format = SessionFormat(self._signer, settings.lifetimes)
        self._entries: set[str] = set()

    def add(self, principal: Principal) -> Principal:
        """Publish a person, or what has become of one, and return them."""
        permissions = principal.permission_set
        if permissions.digest != NO_PERMISSIONS:
            value = encode_permissions(self._signer, permissions)
            self._put(permissions_entry(permissions.digest), value)
        self._put(principal_entry(principal.id), encode_principal(self._signer, principal))
        return principal

    def remove(self, principal: Principal) -> None:
        """Take a person away, as Django does when they are deleted."""
        self._store.write(lambda client: client.delete(principal_entry(principal.id)))

    def new_session(self, principal: Principal, *, ago_s: int = 0) -> str:
        """Log a person in, ``ago_s`` seconds ago; return the session cookie's value."""
        key = "".join(secrets.choice(_SESSION_KEY) for _ in range(32))
        now = int(time.time())
        data = {
            USER_ID: principal.id,
            USER_HASH: principal.auth_hash,
            USER_BACKEND: principal.backends[0],
        }
        record = SessionRecord(data=data, created_at=now - ago_s, expires_at=now + KEPT_S)
        self._put(session_entry(key), self._format.encode(session_entry(key), record))
        return key

    def log_out(self, session_key: str) -> None:
        """End a session, as Django's log-out does."""
        self._store.write(lambda client: client.delete(session_entry(session_key)))

    def new_api_key(
        self, principal: Principal, *, scopes: Iterable[str] = SCOPES, expires_in_s: int = KEPT_S
    ) -> str:
        """Give a person an API key with these scopes; return it."""
        token = new_key()
        record = KeyRecord(
            id=uuid.uuid4().hex,
            user_id=principal.id,
            name="test",
            scopes=frozenset(scopes),
            expires_at=int(time.time()) + expires_in_s,
        )
        self._put(key_entry(token), encode_key(self._signer, digest(token), record))
        return token

    def close(self) -> None:
        """Remove all that was written. Idempotent."""
        entries, self._entries = self._entries, set()
        if entries:
            self._store.write(lambda client: client.delete(*entries))
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _put(self, entry: str, value: str) -> None:
        try:
            self._store.write(lambda client: client.set(entry, value, ex=KEPT_S))
        except SessionStoreUnavailable as error:
            if not isinstance(error.__cause__, NoPermissionError):
                raise
            raise ConfigurationError(
                "this Redis user may not write sessions: give writer_url one that may, or use "
                "private_settings()"
            ) from error
        self._entries.add(entry)


def _writer_url(settings: ApiSettings) -> str:
    is_named = "redis_url" in settings.model_fields_set
    named = with_entry(settings.redis_url.get_secret_value(), SESSIONS_SLOT)
    return named if is_named else settings.session_store_url
