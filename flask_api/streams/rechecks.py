"""Ask again, about each second, whether the credentials of all parked answers are still good:
in few reads, whatever their number.

A credential's verdict follows from two entries, its own and its person's. While both are, byte for
byte, what they were when it was last identified, and for a minute at most, it is as good as then:
an entry that has expired is gone from Redis. Whatever changed is identified anew.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from flask_api.gate.credentials import CredentialKind
from flask_api.streams.access import Access, Verdict
from shared.contract.entries import key_entry, principal_entry, session_entry
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway

AT_ONCE = 250
IDENTIFY_EVERY_S = 60.0

_Credential = tuple[CredentialKind, str]


@dataclass(slots=True)
class _Seen:
    values: tuple[str | None, ...]
    at: float


class Rechecks:
    """Keeps verdicts up to date. For one thread; blocks for the store's time-outs at most."""

    def __init__(self, store: RedisGateway, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[_Credential, _Seen] = {}

    def update(self, accesses: Collection[Access]) -> None:
        """Set the verdict of each. While Redis is away all that were granted become unknown."""
        by_credential: defaultdict[_Credential, list[Access]] = defaultdict(list)
        for access in accesses:
            by_credential[access.credential].append(access)
        self._seen = {known: self._seen[known] for known in by_credential if known in self._seen}
        left = iter(by_credential.items())
        while some := list(islice(left, AT_ONCE)):
            self._update(some)

    def _update(self, some: Sequence[tuple[_Credential, list[Access]]]) -> None:
        try:
            rows = self._read([accesses[0] for _, accesses in some])
        except SessionStoreUnavailable:
            for _, accesses in some:
                _judge_unknown(accesses)
            return
        for (credential, accesses), values in zip(some, rows, strict=True):
            seen, now = self._seen.get(credential), self._clock()
            if seen and seen.values == values and now - seen.at < IDENTIFY_EVERY_S:
                for access in accesses:
                    access.confirm()
            else:
                self._identify(credential, accesses, _Seen(values, now))

    def _read(self, accesses: Sequence[Access]) -> list[tuple[str | None, ...]]:
        entries: list[str] = []
        for access in accesses:
            kind, value = access.credential
            own = key_entry(value) if kind is CredentialKind.KEY else session_entry(value)
            entries += (own, principal_entry(access.person_id))
        found = self._store.get_all(entries)
        return list(zip(found[::2], found[1::2], strict=True))

    def _identify(self, credential: _Credential, accesses: Sequence[Access], seen: _Seen) -> None:
        """``seen`` was read before: what has changed since is found by the next round."""
        try:
            identity = accesses[0].identify()
        except SessionStoreUnavailable:
            _judge_unknown(accesses)
            return
        for access in accesses:
            access.judge(identity)
        self._seen[credential] = seen


def _judge_unknown(accesses: Sequence[Access]) -> None:
    for access in accesses:
        if access.verdict is Verdict.GRANTED:
            access.judge(None, is_known=False)
