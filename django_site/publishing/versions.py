"""Repeat rows of the database in Redis so that the newest row wins,
whichever process is the slowest.

The order is: take a version, then read the rows, then replace each entry unless a newer version
stands there. The process that changed a row publishes it after the commit, so under a version
taken after the commit: that one read the change, and everything that was read before has an older
version. A publish that finds nothing to change is stored like any other,
or one that was paused before it could still write what it had read.

Versions count in Redis, not in the database and not in seconds: a clock that goes back, a database
restored from a backup, and two transactions that commit in another order than they began, don't
disturb them. A Redis that was flushed, restarted or replaced begins a new epoch;
a version of another epoch is refused, and its publisher reads again.

``begin_anew`` raises the floor: a process that took a version before reads again. A rebuild does
that at its begin, so it may pass over the entries that are right already,
and needs to remember no versions from before.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

from django_site.contract import contract_settings, session_store
from shared.contract.entries import PREFIX
from shared.contract.gone import GONE_LATEST, MARK_KEPT_S, MARKS_KEPT, gone_entry
from shared.errors import SessionStoreUnavailable
from shared.redis import Script

_TRIES = 10
_HERE = Path(__file__)
_TICKET, _REPLACE = (
    Script.read(_HERE.with_name("ticket.lua")),
    Script.read(_HERE.with_name("replace.lua")),
)
_SLACK_S = 3600
# Under the prefix of locks: what Django's Redis user may write, and the API's may not see.
PUBLISHED = f"{PREFIX}lock:published"
"""The entries that are published, by the second since 1970 that they end in."""
_ORDER = [f"{PREFIX}lock:publish-order", f"{PREFIX}lock:published-versions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Whether a person is gone (shared.contract.gone), decided together with an entry of theirs.
    An empty text: they are there."""

    user_id: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An entry whose name says what it holds, so that it needs no version: the publisher that
    names it in another entry sees to it that it is there."""

    entry: str
    text: str


class Lives(StrEnum):
    """How long an entry lives that is written."""

    SET = "set"  # exactly as long as said
    ARRIVE = "arrive"  # as long as said, or longer if it did; it may not have been there
    KEEP = "keep"  # as long as it did; one that is not there is not written


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What an entry should hold ('': no entry), for how many seconds,
    the mark beside it, and the entry that it names."""

    text: str
    ttl_s: int = 0
    lives: Lives = Lives.SET
    mark: Mark | None = None
    names: Named | None = None


# Given the version, read the rows and say what the entries should hold, with that version in them;
# None: no entry.
Read = Callable[[int], Mapping[str, Value | None]]


def replace_entries(read: Read) -> int:
    """Bring entries to what ``read`` wants; return how many were written or deleted. Atomic;
    an older version changes none.

    Raises SessionStoreUnavailable; then nothing is changed, or the reply was lost.
    """
    for _ in range(_TRIES):
        epoch, version = _take_version()
        wanted = read(version)
        if not wanted:
            return 0
        replaced = _replace(epoch, version, wanted)
        if replaced >= 0:
            return replaced
    # Ten rebuilds or restarts between as many reads and writes:
    # these are two servers that answer by turns.
    raise SessionStoreUnavailable(
        "Redis keeps losing the versions of what is published; try again shortly."
    )


def begin_anew() -> None:
    """Let every publish that has begun, and is not stored, read again.
    Raises SessionStoreUnavailable."""
    _take_version(raise_floor=True)


def _take_version(*, raise_floor: bool = False) -> tuple[str, int]:
    arguments = [secrets.token_hex(8), "1" if raise_floor else "0"]
    epoch, version = cast(tuple[str, int], session_store().run(_TICKET, _ORDER, arguments))
    return epoch, version


def _replace(epoch: str, version: int, wanted: Mapping[str, Value | None]) -> int:
    values = {entry: wish or Value(text="") for entry, wish in wanted.items()}
    texts = {value.names.entry: value.names.text for value in values.values() if value.names}
    number = {entry: place for place, entry in enumerate(texts, start=1)}
    keys = [*_ORDER, GONE_LATEST, PUBLISHED, *texts]
    arguments: list[str | int] = [epoch, version, MARK_KEPT_S, MARKS_KEPT]
    # Whoever's session names it was published since, or has one that began before now.
    arguments += (contract_settings().session_absolute_s + _SLACK_S, len(texts), *texts.values())
    for entry, value in values.items():
        mark, names = value.mark, number[value.names.entry] if value.names else 0
        keys += [entry, gone_entry(mark.user_id)] if mark else [entry]
        arguments += (value.text, value.ttl_s, value.lives)
        arguments += (mark.user_id, mark.text, names) if mark else ("", "", names)
    return cast(int, session_store().run(_REPLACE, keys, arguments))
