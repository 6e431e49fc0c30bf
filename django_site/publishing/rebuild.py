"""Make Redis say what the database says, for every kind of rows that is repeated there:
people, and keys if the site has them.

Each app registers its kind when Django starts, so that neither needs to know the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django_site.publishing.presence import note_all_listed
from django_site.publishing.versions import begin_anew

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was done for one kind: rows ``seen``, entries ``written`` because they differed,
    entries ``pruned``."""

    seen: int = 0
    written: int = 0
    pruned: int = 0

    def __add__(self, other: "Rebuilt") -> "Rebuilt":
        return Rebuilt(
            seen=self.seen + other.seen,
            written=self.written + other.written,
            pruned=self.pruned + other.pruned,
        )


def _say_nothing(seen: int) -> None:
    del seen


def _nothing_overdue() -> None:
    pass


Slices = Callable[[], Iterator[Rebuilt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """Rows of one kind. All functions raise SessionStoreUnavailable.

    ``reconcile`` looks at what is listed as published; ``rebuild`` at all there is, listed or not,
    and publishes what is missing. Both yield after each slice what they did in it.
    """

    name: str
    rebuild: Slices
    reconcile: Slices
    publish_overdue: Callable[[], None] = _nothing_overdue


_kinds: dict[str, EntryKind] = {}


def register(kind: EntryKind) -> None:
    """Let this kind of rows be rebuilt with the others. Idempotent."""
    _kinds[kind.name] = kind


def rebuild(*, progress: Progress = _say_nothing) -> dict[str, Rebuilt]:
    """Publish every row of who is there that differs and remove entries without a row;
    return what was done, by the kind's name.

    Bounded memory, any number of rows. Idempotent, and safe beside live changes: what is newer than
    its own look stays. It is right whatever stood there before, after a flushed Redis or with a
    database restored from a backup. Raises SessionStoreUnavailable.
    ``progress`` is told how many people were looked at so far.
    """
    done = dict.fromkeys(_kinds, Rebuilt())
    for name, slice_ in rebuild_slices():
        done[name] += slice_
        progress(next(iter(done.values())).seen)
    return done


def rebuild_slices() -> Iterator[tuple[str, Rebuilt]]:
    """Do what :func:`rebuild` does; yield after each slice, with the kind's name."""
    for name, kind in _kinds.items():
        for slice_ in kind.rebuild():
            yield name, slice_
    note_all_listed()
    # the versions noted on the way are not needed any more:
    # a lost Redis's rebuild noted one for everybody
    begin_anew()


def reconcile_slices() -> Iterator[tuple[str, Rebuilt]]:
    """Look at what is published only; yield after each slice, with the kind's name."""
    for name, kind in _kinds.items():
        for slice_ in kind.reconcile():
            yield name, slice_


def publish_overdue() -> None:
    """Publish what an outage held back in this process."""
    for kind in _kinds.values():
        kind.publish_overdue()
