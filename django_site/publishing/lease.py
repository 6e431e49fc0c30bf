"""A lease in Redis: of all processes of the installation, one does a thing."""

import secrets
from pathlib import Path

from django_site.contract import session_store
from shared.contract.entries import PREFIX
from shared.errors import SessionStoreUnavailable
from shared.redis import Script

LEASE_S = 8.0  # after so many another process goes on in the place of one that died
_RENEW = Script.read(Path(__file__).with_name("renew_lease.lua"))


class Lease:
    """This process's claim to what ``name`` says. For one thread."""

    def __init__(self, name: str) -> None:
        self._entry = f"{PREFIX}lock:{name}"
        self._token = secrets.token_hex(8)

    def hold(self) -> bool:
        """Take the lease, or renew it; tell whether it is held. Raises SessionStoreUnavailable."""
        return bool(session_store().run(_RENEW, [self._entry], [self._token, int(LEASE_S * 1000)]))

    def give_back(self) -> None:
        """Leave it to another process, at once if Redis is there. Idempotent."""
        try:
            session_store().run(_RENEW, [self._entry], [self._token, 0])
        except SessionStoreUnavailable:
            return  # it ends by itself
