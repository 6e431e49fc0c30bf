"""Who is there: who has a live session or key. They have a principal in Redis, and nobody else.

A principal is published when its person arrives: at a log-in, with a key that is made, on a page of
Django's if it is missing. It lives as long as the last session or key, and a renewed session renews
it (django_site/sessions/save.lua). Keys don't know principals: they say here who comes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from django_site.contract import session_store
from django_site.publishing.versions import PUBLISHED

SLACK_S = 60  # so long a principal outlives the session or key that it is published for
_WHOLE = "all"  # is listed when all that is published is

# People's ids, and for how many seconds each stays at least.
Arrivals = Mapping[str, int]
_welcome: list[Callable[[Arrivals], object]] = []
_anew: list[Callable[[Arrivals], object]] = []


def on_arrival(
    publish: Callable[[Arrivals], object], *, publish_anew: Callable[[Arrivals], object]
) -> None:
    """Let ``publish`` be called for people who arrive, and ``publish_anew`` for those who must be
    published as they are now. Idempotent."""
    if publish not in _welcome:
        _welcome.append(publish)
        _anew.append(publish_anew)


def arrive(people: Arrivals) -> None:
    """Have these people published, to stay for at least so many seconds each.
    Raises SessionStoreUnavailable."""
    for publish in _welcome:
        publish(people)


def arrive_anew(people: Arrivals) -> None:
    """Do that, and have them published as the last commit left them: what it published by itself
    may come later than what asks. Raises SessionStoreUnavailable."""
    for publish in _anew:
        publish(people)


def published(prefix: str, *, count: int) -> Iterator[list[str]]:
    """Yield what is published under names that begin so, without the beginning, some maybe twice,
    in lists of about ``count``."""
    cursor = 0
    while True:
        at = cursor
        cursor, found = cast(
            "tuple[int, list[tuple[str, float]]]",
            session_store().read(lambda client: client.zscan(PUBLISHED, at, f"{prefix}*", count)),  # noqa: B023  # run at once
        )
        names = [name.removeprefix(prefix) for name, _ in found]
        yield from (names[start : start + count] for start in range(0, len(names), count))
        if cursor == 0:
            return


def count_published() -> int:
    """Return how many entries are listed as published, after forgetting those that have ended."""
    now = session_store().read(lambda client: client.time())[0]
    session_store().write(lambda client: client.zremrangebyscore(PUBLISHED, "-inf", f"({now}"))
    return session_store().read(lambda client: client.zcard(PUBLISHED))


def is_all_listed() -> bool:
    """Tell whether every published entry is listed: not so after an upgrade from before there was a
    list, nor in a Redis that was lost."""
    return session_store().read(lambda client: client.zscore(PUBLISHED, _WHOLE)) is not None


def note_all_listed() -> None:
    """Note that every published entry is listed."""
    session_store().write(lambda client: client.zadd(PUBLISHED, {_WHOLE: "inf"}))
