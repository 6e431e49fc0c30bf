"""May an answer go on? The credential that began it is asked again while it lasts."""

import time
from collections.abc import Callable
from enum import Enum, auto

from flask_api.gate.credentials import CredentialKind
from flask_api.gate.requirements import require_scope
from shared.contract.authentication import Guards, Identity
from shared.contract.principal import Principal
from shared.errors import AccessError, SessionStoreUnavailable

SCOPE = "jobs:read"
EVERY_S = 0.75


class Verdict(Enum):
    """What may be done with the answer now."""

    GRANTED = auto()
    REFUSED = auto()  # logged out, revoked, deactivated, no longer staff: end it
    UNKNOWN = auto()  # Redis is away: nobody can say; send nothing, end nothing


class Access:
    """One answer's right to go on. ``verdict`` is kept up to date by flask_api.streams.rechecks
    while the answer is parked; an answer that holds a thread asks."""

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
        self.credential = credential
        self.person_id = identity.principal.id
        self._owner_id = owner_id
        self._clock = clock
        self.verdict = Verdict.GRANTED  # the request was let in
        self._asked_at = clock()

    def ask(self) -> Verdict:
        """Return the verdict, at most ``EVERY_S`` seconds old.
        Blocks for the store's time-outs at most."""
        if self._clock() - self._asked_at >= EVERY_S:
            try:
                self.judge(self.identify())
            except SessionStoreUnavailable:
                self.judge(None, is_known=False)
        return self.verdict

    def identify(self) -> Identity | None:
        """Return who the credential is just now, None for nobody.
        Raises SessionStoreUnavailable."""
        kind, value = self.credential
        try:
            if kind is CredentialKind.KEY:
                return self._guards.identify_key(value)
            return self._guards.identify_session(value)
        except AccessError:
            return None

    def judge(self, identity: Identity | None, *, is_known: bool = True) -> None:
        """Set the verdict by who the credential is found to be."""
        self._asked_at = self._clock()
        if is_known:
            self.verdict = Verdict.GRANTED if self._allows(identity) else Verdict.REFUSED
        else:
            self.verdict = Verdict.UNKNOWN

    def confirm(self) -> None:
        """Take note that the credential is what it was when it was last found good."""
        self._asked_at = self._clock()
        if self.verdict is Verdict.UNKNOWN:
            self.verdict = Verdict.GRANTED

    def _allows(self, identity: Identity | None) -> bool:
        if identity is None or identity.principal.id != self.person_id:
            return False
        try:
            require_scope(identity, SCOPE)
        except AccessError:
            return False
        return self._sees(identity.principal)

    def _sees(self, principal: Principal) -> bool:
        """Tell whether this person sees what the answer is about."""
        return self.person_id == self._owner_id or principal.is_staff
