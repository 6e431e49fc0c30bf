"""The guards: from a credential to who it is, or the reason it is refused.
Reads Redis, writes nothing, caches nobody.

One ladder for a session and one for an API key; each doubt is one early refusal. Both sides and
``manage.py whois`` use this, so there is one answer. Source: OWASP ASVS 5.0, chapters 7 and 9.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.contract.api_keys import KeyRecord, decode_key, is_key
from shared.contract.entries import (
    digest,
    is_session_key,
    key_entry,
    principal_entry,
    session_entry,
    signed_request_entry,
)
from shared.contract.linked_reader import FirstRead, LinkedReader
from shared.contract.permissions import PermissionReader
from shared.contract.principal import Principal, decode_principal
from shared.contract.session import SessionFormat
from shared.contract.signed_requests import SignedRequest, decode_request, is_token
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError, NotAuthenticated

if TYPE_CHECKING:
    from shared.redis import RedisGateway


class Refusal(StrEnum):
    """Why a guard refused: for logs and ``whois``, never for the client."""

    NO_CREDENTIAL = "no_credential"
    SESSION_KEY_MALFORMED = "session_key_malformed"
    SESSION_ABSENT = "session_absent"
    SESSION_FORMAT = "session_format"
    SESSION_ANONYMOUS = "session_anonymous"
    AUTH_HASH_MISMATCH = "auth_hash_mismatch"
    BACKEND_GIVEN_UP = "backend_given_up"
    KEY_MALFORMED = "key_malformed"
    KEY_ABSENT = "key_absent"
    KEY_FORMAT = "key_format"
    REQUEST_MALFORMED = "request_malformed"
    REQUEST_ABSENT = "request_absent"
    REQUEST_FORMAT = "request_format"
    REQUEST_ELSEWHERE = "request_elsewhere"
    REQUEST_DIFFERS = "request_differs"
    REQUEST_TAKEN = "request_taken"
    PRINCIPAL_ABSENT = "principal_absent"
    PRINCIPAL_FORMAT = "principal_format"
    PRINCIPAL_INACTIVE = "principal_inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a request acts as, and by which credential.
    ``authenticated_at`` is seconds since 1970, None for a key and a signed request."""

    principal: Principal
    key: KeyRecord | None = None
    signed: SignedRequest | None = None
    authenticated_at: int | None = None

    def has_scope(self, *scopes: str) -> bool:
        """Tell whether the credential covers one of ``scopes``;
        a session covers all that its person may do, a signed request what it is."""
        return self.key is None or not self.key.scopes.isdisjoint(scopes)


class Guards:
    """Identify who presents a credential. Thread-safe;
    one round trip to Redis, two when it is new to this process.

    Every method raises NotAuthenticated with a :class:`Refusal` as reason,
    or SessionStoreUnavailable.
    """

    def __init__(
        self,
        store: "RedisGateway",
        signer: EntrySigner,
        sessions: SessionFormat,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._reader = LinkedReader(store)
        self._permissions = PermissionReader(store, signer)
        self._signer = signer
        self._sessions = sessions
        self._clock = clock

    def identify_session(self, session_key: str) -> Identity:
        """Return who is logged in with this session key: what Django itself would say."""
        if not is_session_key(session_key):
            raise NotAuthenticated(Refusal.SESSION_KEY_MALFORMED)
        entry = session_entry(session_key)
        stored = self._reader.read(entry)
        if stored.value is None:
            raise NotAuthenticated(Refusal.SESSION_ABSENT)
        try:
            record = self._sessions.decode(entry, stored.value, now=self._clock())
        except EntryFormatError as error:
            raise NotAuthenticated(Refusal.SESSION_FORMAT) from error
        user_id = record.user_id
        if user_id is None:
            raise NotAuthenticated(Refusal.SESSION_ANONYMOUS)
        principal = self._active_principal(user_id, stored)
        if not record.has_hash_of((principal.auth_hash, *principal.auth_hash_fallbacks)):
            raise NotAuthenticated(Refusal.AUTH_HASH_MISMATCH)
        if record.backend not in principal.backends:
            raise NotAuthenticated(Refusal.BACKEND_GIVEN_UP)
        return Identity(principal=principal, authenticated_at=record.authenticated_at)

    def identify_key(self, token: str) -> Identity:
        """Return whose API key this is."""
        if not is_key(token):
            raise NotAuthenticated(Refusal.KEY_MALFORMED)
        stored = self._reader.read(key_entry(token))
        if stored.value is None:
            raise NotAuthenticated(Refusal.KEY_ABSENT)
        try:
            record = decode_key(self._signer, digest(token), stored.value, now=self._clock())
        except EntryFormatError as error:
            raise NotAuthenticated(Refusal.KEY_FORMAT) from error
        return Identity(principal=self._active_principal(record.user_id, stored), key=record)

    def identify_signed_request(self, token: str, *, audience: str) -> Identity:
        """Return in whose name Django sends a request to ``audience`` with this token.

        Whether it is the one that was signed is left to who has the request, and so is that it is
        taken once only.
        """
        if not is_token(token):
            raise NotAuthenticated(Refusal.REQUEST_MALFORMED)
        entry = signed_request_entry(token)
        value = self._store.get(entry)
        if value is None:
            raise NotAuthenticated(Refusal.REQUEST_ABSENT)
        try:
            signed = decode_request(self._signer, token, value, now=self._clock())
        except EntryFormatError as error:
            raise NotAuthenticated(Refusal.REQUEST_FORMAT) from error
        if signed.audience != audience:
            raise NotAuthenticated(Refusal.REQUEST_ELSEWHERE)
        # Read here: where a token leads is not worth remembering, it comes once.
        person = principal_entry(signed.user_id)
        stored = FirstRead(entry, value, guess=person, guessed_value=self._store.get(person))
        return Identity(principal=self._active_principal(signed.user_id, stored), signed=signed)

    def _active_principal(self, user_id: str, credential: FirstRead) -> Principal:
        value = self._reader.follow(credential, principal_entry(user_id))
        if value is None:
            raise NotAuthenticated(Refusal.PRINCIPAL_ABSENT)
        try:
            principal = decode_principal(self._signer, user_id, value, find=self._permissions.find)
        except EntryFormatError as error:
            raise NotAuthenticated(Refusal.PRINCIPAL_FORMAT) from error
        if not principal.is_active:
            raise NotAuthenticated(Refusal.PRINCIPAL_INACTIVE)
        return principal
