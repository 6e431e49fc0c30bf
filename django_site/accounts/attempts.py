"""Count attempts against rate limits (ACCOUNT_RATE_LIMITS):
several limits in one round trip to Redis, all of them or none.

django-allauth takes a lock in Redis around the read and the write of each limit, and once more to
give an attempt back: 28 commands of a log-in's 34.
The scripts here do to the same entries, in the same form, what it does, and need no lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from django_site.contract import session_store
from shared.redis import Script

_APP = "allauth.account"
_AMOUNT_AND_DURATION = attrgetter("amount", "duration")
_HERE = Path(__file__)
_TAKE, _GIVE_BACK = (
    Script.read(_HERE.with_name("attempts_take.lua")),
    Script.read(_HERE.with_name("attempts_give_back.lua")),
)

# the action that the setting names, and of whom or what its attempts are counted ("": by address)
Limit = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CountedAttempt:
    """One attempt that was counted."""

    entries: tuple[str, ...]
    moment: str

    def rollback(self) -> None:
        """Give it back; django-allauth calls it by this name. Raises SessionStoreUnavailable."""
        if self.entries:
            session_store().run(_GIVE_BACK, self.entries, [self.moment])


def count_attempt(request: HttpRequest, limits: Sequence[Limit]) -> CountedAttempt | None:
    """Count one attempt against each of ``limits``;
    None, and none of them counts it, when one is reached. Atomic.

    Raises SessionStoreUnavailable.
    """
    rates = _rates(request, limits)
    if not rates:
        return CountedAttempt((), "")
    arguments = list(chain.from_iterable(map(_AMOUNT_AND_DURATION, rates.values())))
    moment = str(session_store().run(_TAKE, list(rates), arguments))
    return CountedAttempt(tuple(rates), moment) if moment else None


def forget_attempts(request: HttpRequest, limits: Sequence[Limit]) -> None:
    """Forget all attempts that were counted against ``limits``. Raises SessionStoreUnavailable."""
    entries = list(_rates(request, limits))
    if entries:
        session_store().write(lambda client: client.delete(*entries))


def _rates(request: HttpRequest, limits: Sequence[Limit]) -> dict[str, Any]:
    """Return the rate of each entry that these limits are counted in."""
    found = {}
    for action, key in limits:
        for rate in ratelimit.get_rates(app=_APP, action=action):
            name = ratelimit.get_cache_key(request, app=_APP, action=action, rate=rate, key=key)
            found[cache.make_key(name)] = rate
    return found
