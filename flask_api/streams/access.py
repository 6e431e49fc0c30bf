"""Ask again, about each second, whether the credential that opened a stream still opens it."""

import time
from collections.abc import Callable
from enum import Enum, auto

from flask_api.gate.credentials import CredentialKind
from flask_api.gate.requirements import require_scope
from shared.contract.authentication import Guards, Identity
from shared.errors import AccessError, SessionStoreUnavailable

SCOPE = "jobs:read"
EVERY_S = 0.75


class Verdict(Enum):
    """What may be done with the stream now."""

    GRANTED = auto()
    REFUSED = auto()  # logged out, revoked, deactivated, no longer staff: end it
    UNKNOWN = auto()  # Redis is away: nobody can say; send nothing, end nothing


class Access:
    """One stream's right to go on. For the thread of that stream;
    asks at most every ``EVERY_S`` seconds, in one read."""

    def __init__(
        self,
        guards: Guards,
        credential: tuple[CredentialKind, str],
        identity: Identity,
        *,
        owner_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guards = guards
        self._kind, self._value = credential
        self._person_id = identity.principal.id
        self._owner_id = owner_id
        self._clock = clock
        self._verdict = Verdict.GRANTED  # the request was let in
        self._asked_at = clock()

    def ask(self) -> Verdict:
        """Return the verdict, at most ``EVERY_S`` seconds old.
        Blocks for the store's time-outs at most."""
        if self._clock() - self._asked_at >= EVERY_S:
            self._verdict = self._judge()
            self._asked_at = self._clock()
        return self._verdict

    def _judge(self) -> Verdict:
        try:
            identity = self._identify()
            require_scope(identity, SCOPE)
        except SessionStoreUnavailable:
            return Verdict.UNKNOWN
        except AccessError:
            return Verdict.REFUSED
        principal = identity.principal
        sees_it = principal.id == self._owner_id or principal.is_staff
        return Verdict.GRANTED if sees_it and principal.id == self._person_id else Verdict.REFUSED

    def _identify(self) -> Identity:
        if self._kind is CredentialKind.KEY:
            return self._guards.identify_key(self._value)
        return self._guards.identify_session(self._value)
