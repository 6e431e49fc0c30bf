"""Follow a shared job: what its viewers are told, and for how long.

A viewer's right has two halves. That of their credential is asked again as everybody's
(flask_api.streams.rechecks). That of the share, and who is noted as looking on, is kept up here: in
one read for all that are followed through shares in this process.
"""

import json
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, ClassVar

from flask_api.jobs.records.events import Event, EventLog
from flask_api.jobs.sharing.onlookers import NOTE_EVERY_S, Onlooker, Onlookers
from flask_api.jobs.sharing.share import Share, Showable
from flask_api.jobs.sharing.shares import Shares
from flask_api.streams.access import Access, Verdict
from flask_api.streams.feeds import JobFeed, Snapshot
from flask_api.streams.wire import frame, to_json
from shared.contract.authentication import Identity
from shared.contract.principal import Principal
from shared.errors import StoreUnavailable

# All that a viewer is told of an event: no id of a job or batch, and no list of its files.
_TOLD = ("status", "progress", "log")


class SharedJobFeed(JobFeed):
    """The events of a job as those see it with whom it is shared. Without positions: they would
    tell when anything of the owner's happened last."""

    tells_positions: ClassVar[bool] = False

    def __init__(self, share: Share) -> None:
        super().__init__(share.owner_id, share.job)
        self._shows_files = share.shows(Showable.FILES)

    def frame(self, event: Event) -> bytes:
        """Return what viewers are told of an event; nothing where nothing is left of it."""
        return _shared_frame(event, self._shows_files)

    def snapshot(self, event_log: EventLog) -> Snapshot:
        """Return the job's status and progress."""
        found = super().snapshot(event_log)
        data = {name: value for name, value in found.data.items() if name != "job"}
        return Snapshot(position=found.position, kind=found.kind, data=data, is_over=found.is_over)


@lru_cache(maxsize=256)  # many may look on at one job
def _shared_frame(event: Event, shows_files: bool) -> bytes:
    said = json.loads(event.data)
    told: dict[str, Any] = {name: said[name] for name in _TOLD if name in said}
    if shows_files and "files" in said:
        told["files"] = len(said["files"])  # how many; their links are in the shared record
    return frame(event.kind, to_json(told)) if told or event.kind != "report" else b""


class SharedAccess(Access):
    """A viewer's right to go on. Once the share has ended, it never comes back."""

    def __init__(self, *args: Any, share: Share, username: str, **options: Any) -> None:
        super().__init__(*args, owner_id=share.owner_id, **options)
        self.share = share
        self.onlooker = Onlooker(job=share.job, id=self.person_id, username=username)
        self._has_ended = False

    def end(self) -> None:
        """The share has ended, or doesn't admit its viewer any more."""
        self._has_ended = True
        self.verdict = Verdict.REFUSED

    def judge(self, identity: Identity | None, *, is_known: bool = True) -> None:
        """See Access.judge."""
        super().judge(identity, is_known=is_known)
        self._hold_end()

    def confirm(self) -> None:
        """See Access.confirm."""
        super().confirm()
        self._hold_end()

    def _hold_end(self) -> None:
        if self._has_ended:
            self.verdict = Verdict.REFUSED

    def _sees(self, principal: Principal) -> bool:
        return self.share.admits(principal)


class SharedChecks:
    """Keeps up what is followed through shares. For one thread; blocks for the stores' time-outs at
    most."""

    def __init__(
        self, shares: Shares, onlookers: Onlookers, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shares = shares
        self._onlookers = onlookers
        self._clock = clock
        self._note_at = 0.0

    def update(self, accesses: Collection[Access]) -> None:
        """End what is followed through shares that have ended; note who looks on. While Redis is
        away nothing is ended: nothing new comes either."""
        followed = [each for each in accesses if isinstance(each, SharedAccess)]
        if not followed:
            return
        try:
            standing = self._shares.standing({each.share.id for each in followed})
        except StoreUnavailable:
            return
        for each in followed:
            if each.share.id not in standing:
                each.end()
        if self._clock() >= self._note_at:
            self._note_at = self._clock() + NOTE_EVERY_S
            self._onlookers.note(
                each.onlooker
                for each in followed
                if each.verdict is Verdict.GRANTED and each.person_id != each.share.owner_id
            )
