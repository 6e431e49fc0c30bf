"""Make Redis say what the database says, for every kind of rows that is repeated there:
people, and keys if the site has them.

Each app registers its kind when Django starts, so that neither needs to know the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django_site.publishing.versions import begin_anew

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild of one kind did: rows ``seen``, entries ``written`` because they differed,
    entries ``pruned``."""

    seen: int = 0
    written: int = 0
    pruned: int = 0


def _say_nothing(seen: int) -> None:
    del seen


def _nothing_overdue() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """Rows of one kind. Both functions raise SessionStoreUnavailable;
    ``rebuild`` may tell how many rows it has seen so far."""

    name: str
    rebuild: Callable[[Progress], Rebuilt]
    publish_overdue: Callable[[], None] = _nothing_overdue


_kinds: dict[str, EntryKind] = {}


def register(kind: EntryKind) -> None:
    """Let this kind of rows be rebuilt with the others. Idempotent."""
    _kinds[kind.name] = kind


def rebuild(*, progress: Progress = _say_nothing) -> dict[str, Rebuilt]:
    """Publish every row that differs and remove entries without a row;
    return what was done, by the kind's name.

    Bounded memory, any number of rows. Idempotent, and safe beside live changes: what is newer than
    its own look stays. It is right whatever stood there before, after a flushed Redis or with a
    database restored from a backup. Raises SessionStoreUnavailable.
    ``progress`` is told how many people were looked at so far.
    """
    done = {kind.name: kind.rebuild(progress) for kind in _kinds.values()}
    # the versions noted on the way are not needed any more:
    # a lost Redis's rebuild noted one for everybody
    begin_anew()
    return done


def publish_overdue() -> None:
    """Publish what an outage held back in this process."""
    for kind in _kinds.values():
        kind.publish_overdue()
