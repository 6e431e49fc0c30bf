"""Read an entry and then the one it leads to: a session or key, then its person.
In one round trip, mostly.

The second entry's name is in the first one's value, which would cost two round trips, and waiting
for Redis is most of what the gate costs. So the reader remembers which entry the first one led to
last time, and asks for both together.

What is remembered is where to look, never who it is or whether it is good: both values are read
afresh for every request, in the same instant, and the second is used only if the first, as it is
now, leads to it. A wrong guess costs the second read that was to be saved, nothing else.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shared.redis import RedisGateway

_MAX_GUESSES = 10_000


class FirstRead(NamedTuple):
    """What an entry held (None: it is absent), and what was read along with it on a guess."""

    entry: str
    value: str | None
    guess: str | None = None
    guessed_value: str | None = None


class LinkedReader:
    """Reads pairs of entries. Thread-safe; blocks and raises as the store does."""

    def __init__(self, store: "RedisGateway") -> None:
        self._store = store
        self._guesses: dict[str, str] = {}

    def read(self, entry: str) -> FirstRead:
        """Read ``entry``, and what it led to last time along with it."""
        guess = self._guesses.get(entry)
        if guess is None:
            return FirstRead(entry=entry, value=self._store.get(entry))
        value, guessed_value = self._store.get_all((entry, guess))
        if value is None:
            self._guesses.pop(entry, None)
        return FirstRead(entry=entry, value=value, guess=guess, guessed_value=guessed_value)

    def follow(self, first: FirstRead, entry: str) -> str | None:
        """Return what ``entry``, to which the first read leads, holds.
        Call it for a first value that was verified."""
        if entry == first.guess:
            return first.guessed_value
        if len(self._guesses) >= _MAX_GUESSES:  # bounded: forgetting only means one more round trip
            self._guesses.clear()
        self._guesses[first.entry] = entry
        return self._store.get(entry)
