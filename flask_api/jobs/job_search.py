"""Find a person's jobs by words in what they were given and what they made.

There is no index: records are read, newest first, and their JSON is searched as text. So a call is
bounded in jobs and in bytes, and says how much it looked at; its cursor goes on from there.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.reading.pages import Page, pieces
from shared.redis import RedisClient, RedisGateway

LONGEST_TEXT = 200
_MOST_WORDS = 10
# Of one call: so many times so many jobs, and what is read of arguments and results. With a filter
# each time may look through two thousand jobs to find as many.
_ROUNDS, _ROUNDS_FILTERED, _AT_ONCE = 20, 4, 50
_MOST_BYTES = 4_000_000
# Of one job's arguments, and of its result. A longer result is not read at all, and counted.
_SEARCHED_MAX = 64 * 1024


@dataclass(slots=True, kw_only=True)
class Searched:
    """How much one call looked at: jobs, and among them results too long to search."""

    jobs: int = 0
    long_results: int = 0
    bytes_read: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether the rest is for another call."""
        return self.bytes_read >= _MOST_BYTES


class SearchWord(NamedTuple):
    """A word to find: as it is, and as JSON has it with and without other alphabets."""

    plain: str
    escaped: str
    ascii: str

    def is_in(self, text: str) -> bool:
        """Tell whether a text, already without case, has it."""
        return self.plain in text or self.escaped in text or self.ascii in text


class JobSearch:
    """Searches jobs. Thread-safe; blocks for the client's time-outs at most.

    Raises JobStoreUnavailable when Redis is away.
    """

    def __init__(self, store: RedisGateway, jobs: JobReader) -> None:
        self._store = store
        self._jobs = jobs

    def find(
        self,
        owner_id: str,
        text: str,
        *,
        limit: int,
        cursor: str | None = None,
        statuses: Collection[JobStatus] | None = None,
        task: str | None = None,
    ) -> tuple[Page, Searched]:
        """Return one person's jobs that have all words of ``text``, newest first: in the task's
        name, the arguments, the result, the error or the progress, whatever the case.

        A page may be short, or empty, and have a cursor: that looks further back.
        """
        words, searched = words_of(text), Searched()
        found: list[Job] = []
        for _ in range(_ROUNDS_FILTERED if statuses or task else _ROUNDS):
            page = self._jobs.list_of(
                owner_id,
                limit=_AT_ONCE,
                cursor=cursor,
                statuses=statuses,
                task=task,
                most_bytes=_MOST_BYTES - searched.bytes_read,
            )
            for job, has_words in self.look_at(page.jobs, words, searched):
                cursor = job.id
                if has_words:
                    found.append(job)
                if len(found) == limit:
                    return Page(jobs=tuple(found), cursor=cursor), searched
            if searched.is_enough:
                break
            cursor = page.cursor
            if cursor is None or len(page.jobs) < _AT_ONCE:
                break
        return Page(jobs=tuple(found), cursor=cursor), searched

    def look_at(
        self, jobs: Sequence[Job], words: "Sequence[SearchWord]", searched: Searched
    ) -> Iterator[tuple[Job, bool]]:
        """Yield jobs, whoever's they are, each with whether it has all the words; of many bytes
        only the first jobs. Counts what it looked at."""
        results = self._read_results(jobs, searched)
        for job, result in zip(jobs, results, strict=False):
            searched.jobs += 1
            yield job, _has_all(words, job, result)

    def _read_results(self, jobs: Sequence[Job], searched: Searched) -> list[str]:
        """Return the results as JSON text, of the first jobs if they are many bytes."""
        ids = [job.id for job in jobs]
        lengths = self._store.read(lambda client: _lengths(client, ids)) if ids else []
        short: dict[str, int] = {}
        looked_at = 0
        for job, length in zip(jobs, lengths, strict=True):
            if searched.is_enough and looked_at:
                break
            looked_at += 1
            searched.bytes_read += len(job.arguments)
            if length > _SEARCHED_MAX:
                searched.long_results += 1
            else:
                searched.bytes_read += length
                short[job.id] = length
        texts: dict[str, str | None] = {}
        for piece in map(list, pieces(short)):
            read = self._store.read(lambda client: _results(client, piece), is_large=True)  # noqa: B023  # run at once
            texts |= zip(piece, read, strict=True)
        return [texts.get(job_id) or "" for job_id in ids[:looked_at]]


def words_of(text: str) -> list[SearchWord]:
    """Return the words of a text, ten at most."""
    return [
        SearchWord(
            word,
            json.dumps(word, ensure_ascii=False)[1:-1].casefold(),
            json.dumps(word)[1:-1].casefold(),
        )
        for word in text[:LONGEST_TEXT].casefold().split()[:_MOST_WORDS]
    ]


def _has_all(words: Sequence[SearchWord], job: Job, result: str) -> bool:
    said = "\n".join(
        (
            job.task,
            job.arguments[:_SEARCHED_MAX],
            result,
            json.dumps(job.error, ensure_ascii=False)[:_SEARCHED_MAX] if job.error else "",
            str(job.progress["message"]) if job.progress else "",
        )
    ).casefold()
    return all(word.is_in(said) for word in words)


def _lengths(client: RedisClient, ids: Sequence[str]) -> list[int]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hstrlen(keyspace.record(job_id), "result")
        return cast("list[int]", pipeline.execute())


def _results(client: RedisClient, ids: Sequence[str]) -> list[str | None]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hget(keyspace.record(job_id), "result")
        return cast("list[str | None]", pipeline.execute())
