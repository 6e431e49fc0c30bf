"""The principal: who a request acts as, as Django last published it.

Worked example, the payload before signing::

    {"v": 1, "version": 4711, "id": "7", "username": "ada", "email": "ada@example.org",
     "email_verified": true, "is_active": true, "is_staff": false, "is_superuser": false,
     "permission_set": "7e0b...", "groups": ["analysts"],
     "auth_hash": "5d1c...", "auth_hash_fallbacks": [],
     "backends": ["django.contrib.auth.backends.ModelBackend"]}

``permission_set`` names the entry of the person's permissions (shared.contract.permissions), empty
for somebody who has none; a principal of before there were such entries has a list ``permissions``.
``auth_hash`` is Django's ``get_session_auth_hash()``: it changes with the password.
``auth_hash_fallbacks`` are the same hash under ``SECRET_KEY_FALLBACKS``, which Django accepts too.
``backends`` are the site's ``AUTHENTICATION_BACKENDS``: who was let in by one that the site has
given up since is let in no longer. ``version`` grows with every publish: of two values of one entry
the higher was read later. It orders writers; who reads has no use for it.
"""

from dataclasses import dataclass, fields
from typing import Any

from shared.contract.entries import principal_entry
from shared.contract.permissions import NO_PERMISSIONS, Find, PermissionSet
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

VERSION = 1
_NONE = PermissionSet(NO_PERMISSIONS)


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
    permission_set: PermissionSet = _NONE
    groups: frozenset[str] = frozenset()
    auth_hash: str = ""
    auth_hash_fallbacks: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    @property
    def permissions(self) -> frozenset[str]:
        """The person's permissions, as Django's ``get_all_permissions`` has them.

        Read from the session store when first asked for. Raises SessionStoreUnavailable.
        """
        return self.permission_set.names()

    def has_permission(self, permission: str) -> bool:
        """Tell what Django's ``user.has_perm`` tells: never when inactive, always for a superuser,
        both without reading. Raises SessionStoreUnavailable."""
        return self.is_active and (self.is_superuser or permission in self.permissions)


_FIELDS = tuple(field.name for field in fields(Principal) if field.name != "permission_set")


def encode_principal(signer: EntrySigner, principal: Principal, *, version: int = 0) -> str:
    """Return the signed value of the principal's own entry,
    as published under ``version`` (0: in no order)."""
    payload = {**_payload(principal), "version": version}
    return signer.sign(principal_entry(principal.id), payload)


def says(signer: EntrySigner, principal: Principal, value: str) -> bool:
    """Tell whether ``value`` is this very principal, in today's format, under whatever version."""
    try:
        payload = signer.unsign(principal_entry(principal.id), value)
    except EntryFormatError:
        return False
    payload.pop("version", None)
    return payload == _payload(principal)


def decode_principal(
    signer: EntrySigner, user_id: str, value: str, *, find: Find | None = None
) -> Principal:
    """Return the principal stored for ``user_id``, or raise EntryFormatError.
    ``find`` is what its permissions are read by when somebody asks for them."""
    payload = signer.unsign(principal_entry(user_id), value)
    if payload.get("v") != VERSION or payload.get("id") != user_id:
        raise EntryFormatError("the principal's version or id is not the expected one")
    return _principal(payload, find)


def _payload(principal: Principal) -> dict[str, Any]:
    return {
        "v": VERSION,
        **{name: getattr(principal, name) for name in _FIELDS},
        "permission_set": principal.permission_set.digest,
        "groups": sorted(principal.groups),
        "auth_hash_fallbacks": list(principal.auth_hash_fallbacks),
        "backends": list(principal.backends),
    }


def _principal(payload: dict[str, Any], find: Find | None) -> Principal:
    # Each request does this, so it is written out. What a newer writer may add is ignored,
    # so that both sides can be upgraded one after the other.
    try:
        return Principal(
            id=payload["id"],
            username=payload["username"],
            email=payload["email"],
            email_verified=payload["email_verified"],
            is_active=payload["is_active"],
            is_staff=payload["is_staff"],
            is_superuser=payload["is_superuser"],
            permission_set=_permission_set(payload, find),
            groups=frozenset(payload["groups"]),
            auth_hash=payload["auth_hash"],
            auth_hash_fallbacks=tuple(payload["auth_hash_fallbacks"]),
            backends=tuple(payload["backends"]),
        )
    except (KeyError, TypeError) as error:
        raise EntryFormatError("the principal lacks a field") from error


def _permission_set(payload: dict[str, Any], find: Find | None) -> PermissionSet:
    """Return the set that the principal names; one of before sets had entries lists them itself."""
    digest = payload.get("permission_set")
    if digest is None:
        return PermissionSet.of(payload["permissions"])
    if not isinstance(digest, str):
        raise EntryFormatError("the principal's set of permissions has no name")
    return PermissionSet(digest, find=find) if digest else _NONE
