"""The session record: what Django stores for one session, and what every reader checks.

Worked example, the payload before signing (see shared.contract.signing for the bytes around it)::

    {
      "v": 1,                      version of this format
      "created_at": 1763629200,    seconds since 1970: the absolute lifetime counts from here
      "expires_at": 1764234000,    seconds since 1970: the idle lifetime ends here; a save renews it
      "data": {                    Django's session dictionary, as is
        "_auth_user_id": "7",
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": "5d1c..."
      }
    }

A record is refused when its signature fails, when it stands under another entry, past
``expires_at``, and past ``created_at`` + the absolute lifetime, however long Redis kept it. Source:
OWASP ASVS 5.0, 7.3.1 and 7.3.2.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

VERSION = 1
USER_ID = "_auth_user_id"
USER_HASH = "_auth_user_hash"
USER_BACKEND = "_auth_user_backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long a session may live, in seconds: without use (idle) and at all (absolute)."""

    idle_s: int
    absolute_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One stored session. Times are seconds since 1970."""

    data: dict[str, Any]
    created_at: int
    expires_at: int

    @property
    def user_id(self) -> str | None:
        """The id of who logged in, or None for an anonymous session."""
        user_id = self.data.get(USER_ID)
        return None if user_id is None else str(user_id)

    @property
    def auth_hash(self) -> str:
        """Django's session auth hash, empty when the session has none."""
        return str(self.data.get(USER_HASH) or "")

    def has_hash_of(self, hashes: Iterable[str]) -> bool:
        """Tell whether the session's auth hash is one of these, in constant time; an empty one is
        nobody's."""
        own = self.auth_hash.encode()
        # A list, not any(): every comparison is made, whichever matches.
        return True in [hmac.compare_digest(own, each.encode()) for each in hashes if each]

    @property
    def backend(self) -> str:
        """The authentication backend that let the person in, empty when the session names none."""
        return str(self.data.get(USER_BACKEND) or "")

    @property
    def authenticated_at(self) -> int:
        """When the person last proved who they are:
        django-allauth's record of it, else the session's begin.

        A record of somebody else, who proved who they are in the same browser, proves nothing:
        django-allauth ignores it too.
        """
        user_id = self.user_id
        if str(self.data.get("account_authentication_methods_user", user_id)) != user_id:
            return self.created_at
        methods: Any = self.data.get("account_authentication_methods")
        times = (
            [int(m["at"]) for m in methods if isinstance(m, dict) and "at" in m]
            if isinstance(methods, list)
            else []
        )
        return max([self.created_at, *times])


class SessionFormat:
    """Turn session records into stored values and back. Thread-safe, no I/O."""

    def __init__(self, signer: EntrySigner, lifetimes: Lifetimes) -> None:
        self._signer = signer
        self.lifetimes = lifetimes

    def remaining_s(self, record: SessionRecord, *, now: float) -> int:
        """Return how many whole seconds the record may still live;
        zero or less means it is over."""
        return int(min(record.expires_at, record.created_at + self.lifetimes.absolute_s) - now)

    def encode(self, entry: str, record: SessionRecord) -> str:
        """Return the signed value for ``entry``.
        Raises TypeError when the session data is not JSON."""
        payload = {
            "v": VERSION,
            "created_at": record.created_at,
            "expires_at": record.expires_at,
            "data": record.data,
        }
        return self._signer.sign(entry, payload)

    def decode(self, entry: str, value: str, *, now: float) -> SessionRecord:
        """Return the record stored under ``entry``,
        or raise EntryFormatError if any check fails."""
        payload = self._signer.unsign(entry, value, max_age_s=self.lifetimes.absolute_s)
        record = _record(payload)
        if now >= record.expires_at:
            raise EntryFormatError("the session is past its idle lifetime")
        if now >= record.created_at + self.lifetimes.absolute_s:
            raise EntryFormatError("the session is past its absolute lifetime")
        return record


def _record(payload: Mapping[str, Any]) -> SessionRecord:
    if payload.get("v") != VERSION:
        raise EntryFormatError(f"the record's version is not {VERSION}")
    data, created_at, expires_at = (
        payload.get("data"),
        payload.get("created_at"),
        payload.get("expires_at"),
    )
    if (
        not isinstance(data, dict)
        or not isinstance(created_at, int)
        or not isinstance(expires_at, int)
    ):
        raise EntryFormatError("the record lacks data, created_at or expires_at")
    return SessionRecord(data=data, created_at=created_at, expires_at=expires_at)
