"""Everybody's jobs: those that have not ended, then those that have, the newest first, as far as
one look goes.

There is no index of all jobs: what has not ended is found where it is held (.unfinished), what has
by the list of what will be forgotten, which is by that time. So a page costs what it reads, and is
bounded as the search of one's own jobs (flask_api.jobs.job_search).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from flask_api.jobs.job_search import JobSearch, Searched, words_of
from flask_api.jobs.operating.unfinished import read_unfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import OUTCOMES, Job, JobStatus
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.reading.pages import Page, pieces
from shared.redis import RedisGateway

CURSOR = r"^(u:[0-9a-f-]{36}|e:[0-9]{1,12}(\.[0-9]{1,10})?:[0-9a-f-]{36})$"
_AT_ONCE = 100
_MOST_LOOKED_AT, _MOST_SEARCHED = 2_000, 1_000
_BATCH = "batch:"
_UNFINISHED = frozenset(JobStatus) - OUTCOMES


class _Place(NamedTuple):
    """A job in the order of all, and the cursor that goes on after it."""

    cursor: str
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedJobs:
    """Which jobs: all that fit each of what is given."""

    text: str | None = None
    statuses: Collection[JobStatus] | None = None
    task: str | None = None

    def fits(self, job: Job) -> bool:
        """Tell whether a job has the state and the task."""
        is_state = self.statuses is None or job.status in self.statuses
        return is_state and (self.task is None or job.task == self.task)


class AllJobs:
    """Finds jobs of all people. Thread-safe; raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway, jobs: JobReader, search: JobSearch) -> None:
        self._store = store
        self._jobs = jobs
        self._search = search

    def find(
        self, wanted: WantedJobs, *, limit: int, cursor: str | None = None
    ) -> tuple[Page, Searched]:
        """Return a page. It may be short, or empty, and have a cursor: that looks further."""
        words, searched = words_of(wanted.text or ""), Searched()
        most = _MOST_SEARCHED if words else _MOST_LOOKED_AT
        found: dict[str, Job] = {}
        for places in self._places(wanted, cursor):
            cursors = {place.job_id: place.cursor for place in places}
            fitting = self._jobs.measure(list(cursors), statuses=wanted.statuses, task=wanted.task)
            searched.jobs += len(cursors) - len(fitting)
            for piece in pieces(fitting):
                jobs = self._jobs.find_measured(piece)
                looked = (
                    self._search.look_at(jobs, words, searched)
                    if words
                    else _unread(jobs, searched)
                )
                for job, has_words in looked:
                    cursor = cursors[job.id]
                    if has_words and wanted.fits(job):
                        found[job.id] = job
                    if len(found) == limit:
                        return Page(jobs=tuple(found.values()), cursor=cursor), searched
                if searched.is_enough:
                    return Page(jobs=tuple(found.values()), cursor=cursor), searched
            cursor = places[-1].cursor
            if searched.jobs >= most:
                return Page(jobs=tuple(found.values()), cursor=cursor), searched
        return Page(jobs=tuple(found.values()), cursor=None), searched

    def _places(self, wanted: WantedJobs, cursor: str | None) -> Iterator[list[_Place]]:
        statuses = wanted.statuses or frozenset(JobStatus)
        is_ended = cursor is not None and cursor.startswith("e:")
        if not is_ended and not _UNFINISHED.isdisjoint(statuses):
            yield from self._unfinished(cursor)
        if not OUTCOMES.isdisjoint(statuses):
            yield from self._ended(cursor if is_ended else None)

    def _unfinished(self, cursor: str | None) -> Iterator[list[_Place]]:
        after = cursor.removeprefix("u:") if cursor else "~"
        ids = [each for each in read_unfinished(self._store).ids if each < after]
        for first in range(0, len(ids), _AT_ONCE):
            yield [_Place(f"u:{each}", each) for each in ids[first : first + _AT_ONCE]]

    def _ended(self, cursor: str | None) -> Iterator[list[_Place]]:
        """Yield ended jobs, those last that are forgotten soonest. Those with the same time are in
        the order of their ids: a cursor is a place though jobs come and go."""
        _, score, after = cursor.split(":") if cursor else ("", "+inf", "")
        offset, looked_at = self._rank_after(after), 0
        if offset:
            score = "+inf"  # the rank says it all, however many have the same time
        while looked_at < _MOST_LOOKED_AT and (rows := self._rows_below(score, offset)):
            offset, looked_at = offset + len(rows), looked_at + len(rows)
            places = [
                _Place(f"e:{moment!r}:{each}", each)
                for each, moment in rows
                if not each.startswith(_BATCH)
                and not (after and moment == float(score) and each >= after)
            ]
            if places:
                yield places

    def _rank_after(self, job_id: str) -> int:
        """Return how many stand before and with this job, 0 when it is not among them."""
        key = keyspace.EXPIRING
        rank = self._store.read(lambda client: client.zrevrank(key, job_id)) if job_id else None
        return 0 if rank is None else cast("int", rank) + 1

    def _rows_below(self, score: str, offset: int) -> list[tuple[str, float]]:
        return cast(
            "list[tuple[str, float]]",
            self._store.read(
                lambda client: client.zrevrangebyscore(
                    keyspace.EXPIRING, score, "-inf", start=offset, num=_AT_ONCE, withscores=True
                )
            ),
        )


def _unread(jobs: Sequence[Job], searched: Searched) -> Iterator[tuple[Job, bool]]:
    for job in jobs:
        searched.jobs += 1
        searched.bytes_read += len(job.arguments)
        yield job, True
