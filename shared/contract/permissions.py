"""Sets of permissions: an entry for each set that anybody has, shared by all who have the same.

The principal of each request names its person's set by hash only, so the gate's cost doesn't grow
with the permissions of a site; who asks for them reads the set. Worked example, the payload before
signing (see shared.contract.signing for the bytes around it)::

    gatehouse:permissions:<sha256 hex of the JSON list, sorted, without blanks>
    {"v": 1, "permissions": ["reports.view_report"]}

What stands under a name never changes: another set has another name. So there is no order to keep:
the newest principal names the newest set. Django writes a set in the same atomic step as the
principal that names it, to live at least as long (django_site.publishing.versions).
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from shared.contract.entries import permissions_entry
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError, SessionStoreUnavailable

if TYPE_CHECKING:
    from shared.redis import RedisGateway

VERSION = 1
NO_PERMISSIONS = ""  # the digest of the set that needs no entry

Find = Callable[[str], frozenset[str]]


class PermissionSet:
    """Permissions known by their digest; the names are read when they are first asked for.

    Immutable to its users, thread-safe. Equal to a set of the same digest, without reading either.
    """

    __slots__ = ("_find", "_names", "digest")

    def __init__(
        self, digest: str, *, find: Find | None = None, names: frozenset[str] | None = None
    ) -> None:
        self.digest = digest
        self._find = find
        self._names = frozenset() if digest == NO_PERMISSIONS else names

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the set of these names."""
        known = frozenset(names)
        return cls(digest_of(known), names=known)

    def names(self) -> frozenset[str]:
        """Return the names; reads them the first time. Raises SessionStoreUnavailable."""
        if self._names is None:
            if self._find is None:
                raise SessionStoreUnavailable("This process has no way to read permissions.")
            self._names = self._find(self.digest)
        return self._names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PermissionSet) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"PermissionSet({self.digest!r})"


class PermissionReader:
    """Reads sets as Django published them. Thread-safe, caches nothing."""

    def __init__(self, store: "RedisGateway", signer: EntrySigner) -> None:
        self._store = store
        self._signer = signer

    def find(self, digest: str) -> frozenset[str]:
        """Return the permissions of the set with this digest.

        Raises SessionStoreUnavailable, also for a set that is not there or not ours: what its
        people may do is not known then, and nobody may be told that they may not.
        """
        value = self._store.get(permissions_entry(digest))
        if value is None:
            raise SessionStoreUnavailable("Permissions are not published yet; try again shortly.")
        try:
            return decode_permissions(self._signer, digest, value)
        except EntryFormatError as error:
            raise SessionStoreUnavailable("Permissions can't be read; try again later.") from error


def digest_of(names: Iterable[str]) -> str:
    """Return the digest that a set of permissions is named by; empty for the empty set."""
    listed = sorted(names)
    return hashlib.sha256(_json(listed)).hexdigest() if listed else NO_PERMISSIONS


def encode_permissions(signer: EntrySigner, permissions: PermissionSet) -> str:
    """Return the signed value of the set's own entry. Raises SessionStoreUnavailable for a set
    that must be read and can't."""
    payload = {"v": VERSION, "permissions": sorted(permissions.names())}
    return signer.sign(permissions_entry(permissions.digest), payload)


def decode_permissions(signer: EntrySigner, digest: str, value: str) -> frozenset[str]:
    """Return the permissions stored under ``digest``, or raise EntryFormatError."""
    payload = signer.unsign(permissions_entry(digest), value)
    names = payload.get("permissions")
    if payload.get("v") != VERSION or not isinstance(names, list):
        raise EntryFormatError(f"the set of permissions is not of version {VERSION}")
    return frozenset(map(str, names))


def _json(listed: list[str]) -> bytes:
    return json.dumps(listed, separators=(",", ":")).encode()
