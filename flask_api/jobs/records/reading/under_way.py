"""A person's unfinished jobs, however many have ended since they were submitted."""

from typing import cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.records.job_reader import JobReader
from shared.redis import RedisGateway

# Of a person who has more: the oldest run first, as a rule.
_OLDEST, _NEWEST = 200, 100


class JobsUnderWay:
    """Finds them. Thread-safe; blocks for the client's time-outs at most.

    Raises JobStoreUnavailable when Redis is away.
    """

    def __init__(self, store: RedisGateway, jobs: JobReader) -> None:
        self._store = store
        self._jobs = jobs

    def count(self, owner_id: str) -> int:
        """Return how many unfinished jobs the person has, those of batches too. One command."""
        return self._store.read(lambda client: client.scard(keyspace.opened(owner_id)))

    def find(self, owner_id: str, *, limit: int) -> list[Job]:
        """Return the jobs that are of no batch, without their results: running ones first, of both
        the newest first. One command where there are none.

        Of more than three hundred the oldest two hundred and the newest hundred are looked at.
        """
        # Jobs of batches are in the first alone.
        keys = [keyspace.opened(owner_id), keyspace.owner(owner_id)]
        found = self._store.read(lambda client: client.zinter(keys), is_large=True)
        ids = sorted(cast("list[str]", found), reverse=True)
        if len(ids) > _NEWEST + _OLDEST:
            ids = ids[:_NEWEST] + ids[-_OLDEST:]
        holders = zip(ids, self._jobs.find_holders(ids), strict=True)
        waits = {job_id: holder.status != JobStatus.RUNNING for job_id, holder in holders}
        first = sorted(ids, key=waits.__getitem__)[:limit]
        return [job for job in self._jobs.find_many(first) if not job.status.is_outcome]
