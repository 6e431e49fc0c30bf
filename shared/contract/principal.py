"""The principal: who a request acts as, as Django last published it.

Worked example, the payload before signing::

    {"v": 1, "version": 4711, "id": "7", "username": "ada", "email": "ada@example.org",
     "email_verified": true, "is_active": true, "is_staff": false, "is_superuser": false,
     "permissions": ["reports.view_report"], "groups": ["analysts"],
     "auth_hash": "5d1c...", "auth_hash_fallbacks": [],
     "backends": ["django.contrib.auth.backends.ModelBackend"]}

``auth_hash`` is Django's ``get_session_auth_hash()``: it changes with the password.
``auth_hash_fallbacks`` are the same hash under ``SECRET_KEY_FALLBACKS``, which Django accepts too.
``backends`` are the site's ``AUTHENTICATION_BACKENDS``: who was let in by one that the site has
given up since is let in no longer. ``version`` grows with every publish: of two values of one entry
the higher was read later. It orders writers; who reads has no use for it.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from shared.contract.entries import principal_entry
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person known to Django. Frozen: an authorization decision never changes who asks."""

    id: str
    username: str
    email: str = ""
    email_verified: bool = False
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    permissions: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    auth_hash: str = ""
    auth_hash_fallbacks: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    def has_permission(self, permission: str) -> bool:
        """Tell what Django's ``user.has_perm`` tells:
        never when inactive, always for a superuser."""
        return self.is_active and (self.is_superuser or permission in self.permissions)


_FIELDS = frozenset(field.name for field in fields(Principal))


def encode_principal(signer: EntrySigner, principal: Principal, *, version: int = 0) -> str:
    """Return the signed value of the principal's own entry,
    as published under ``version`` (0: in no order)."""
    payload = asdict(principal)
    payload["permissions"] = sorted(principal.permissions)
    payload["groups"] = sorted(principal.groups)
    return signer.sign(principal_entry(principal.id), {"v": VERSION, "version": version, **payload})


def decode_principal(signer: EntrySigner, user_id: str, value: str) -> Principal:
    """Return the principal stored for ``user_id``, or raise EntryFormatError."""
    payload = signer.unsign(principal_entry(user_id), value)
    if payload.pop("v", None) != VERSION or payload.get("id") != user_id:
        raise EntryFormatError("the principal's version or id is not the expected one")
    return _principal(payload)


def _principal(payload: dict[str, Any]) -> Principal:
    # A newer writer may add a field: ignore it,
    # so that both sides can be upgraded one after the other.
    values = {name: value for name, value in payload.items() if name in _FIELDS}
    try:
        values["permissions"] = frozenset(values["permissions"])
        values["groups"] = frozenset(values["groups"])
        values["auth_hash_fallbacks"] = tuple(values["auth_hash_fallbacks"])
        values["backends"] = tuple(values["backends"])
        return Principal(**values)
    except (KeyError, TypeError) as error:
        raise EntryFormatError("the principal lacks a field") from error
