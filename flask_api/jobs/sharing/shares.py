"""Makes, finds, lists and ends shares.

A token is 256 random bits; Redis holds their SHA-256 only, so a leaked dump opens nothing, and who
has the address learns neither the job's id nor its owner's. A share ends at its time, when it is
ended, with its job, and with its owner: refused at once when Django marks them as deleted or
deactivated, and removed soon after (flask_api.jobs.deleted_owners).

One person has at most MOST_OF_PERSON shares, and MOST_OF_JOB of one job; each is less than 4,000
bytes (flask_api.jobs.sharing.share).
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from typing import cast

from flask_api.jobs.errors import JobNotFound, ShareNotFound, TooManyShares
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.sharing.share import Share, Terms, decode_share, encode_share
from shared.clock import JOBS_CLOCK
from shared.contract.gone import GonePeople
from shared.contract.principal import Principal
from shared.redis import RedisGateway

MOST_OF_PERSON, MOST_OF_JOB = 100, 20
AT_ONCE = 250  # shares that are read in one command: 1 MB at most
NOTHING = "Nothing is shared with you at this address."
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STORED, _NO_JOB, _JOB_IS_FULL = "stored", "no job", "job is full"


class Shares:
    """The shares of everybody. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway, gone: GonePeople) -> None:
        self._store = store
        self._gone = gone
        self._jobs = JobReader(store)
        self._script = load_scripts()["share"]

    def make(self, job: Job, terms: Terms, *, life_s: int) -> tuple[Share, str]:
        """Return a new share, and the token that opens it, which nobody can ask for again.

        Raises JobNotFound when the job is gone, TooManyShares, or JobStoreFull.
        """
        token = secrets.token_urlsafe(32)
        now = int(JOBS_CLOCK.now())
        ends_at = now + life_s
        if job.expires_at is not None:
            ends_at = max(now + 1, min(ends_at, int(job.expires_at.timestamp())))
        share = Share(
            id=_id_of(token),
            job=job.id,
            owner_id=job.owner.id,
            terms=terms,
            created_at=now,
            expires_at=ends_at,
        )
        if not self._put(share) and not (self._prune(job.owner.id) and self._put(share)):
            raise TooManyShares(
                f"You share as much as you may: {MOST_OF_PERSON} addresses. End one first."
            )
        return share, token

    def of(self, owner_id: str, *, job_id: str | None = None) -> list[Share]:
        """Return a person's shares that stand, the latest first; of one of their jobs if named."""
        names = cast(
            "list[str]",
            self._store.read(
                lambda client: client.zrangebyscore(
                    keyspace.shares(owner_id), JOBS_CLOCK.now(), "+inf", start=0, num=MOST_OF_PERSON
                )
            ),
        )
        found = [name.partition(":") for name in names]
        ids = [share_id for job, _, share_id in found if job_id in (None, job)]
        return sorted(self._read(ids), key=lambda share: share.created_at, reverse=True)

    def jobs_of(self, shares: Sequence[Share]) -> dict[str, Job]:
        """Return the jobs of these shares that are still there, by id, without what may be
        large."""
        ids = list(dict.fromkeys(share.job for share in shares))
        return {job.id: job for job in self._jobs.find_heads(ids)}

    def end(self, owner_id: str, share_id: str) -> None:
        """End a person's share at once. Raises ShareNotFound for what is none of theirs."""
        found = self._read([share_id] if _ID.fullmatch(share_id) else [])
        if not found or found[0].owner_id != owner_id:
            raise ShareNotFound("There is no such share of yours.")
        self._remove(owner_id, found)

    def find(self, token: str, principal: Principal) -> Share:
        """Return the share that the token opens to this person.

        Raises JobNotFound, in the same words whatever is the reason, or SessionStoreUnavailable.
        """
        share_id = _id_of(token) if _TOKEN.fullmatch(token) else ""
        standing = self.standing([share_id]) if share_id else {}
        if share_id not in standing or not standing[share_id].admits(principal):
            raise JobNotFound(NOTHING)
        return standing[share_id]

    def standing(self, share_ids: Collection[str]) -> dict[str, Share]:
        """Return those of these shares that stand: not ended, not over, and their owner is here.
        Raises SessionStoreUnavailable."""
        now = JOBS_CLOCK.now()
        found = [share for share in self._read(list(share_ids)) if share.expires_at > now]
        gone = self._gone.gone_among({share.owner_id for share in found})
        return {share.id: share for share in found if share.owner_id not in gone}

    def _put(self, share: Share) -> bool:
        """Store it; False: the person has as many as they may."""
        keys = [
            keyspace.share(share.id),
            keyspace.shares(share.owner_id),
            keyspace.record(share.job),
        ]
        answer = self._store.run(
            self._script,
            keys,
            [
                *(share.id, share.job, encode_share(share), share.created_at, share.expires_at),
                *(MOST_OF_PERSON, MOST_OF_JOB),
            ],
        )
        if answer == _NO_JOB:
            raise JobNotFound("There is no such job.")
        if answer == _JOB_IS_FULL:
            raise TooManyShares(f"The job is shared {MOST_OF_JOB} times. End a share first.")
        return bool(answer == _STORED)

    def _prune(self, owner_id: str) -> bool:
        """Forget the shares of jobs that are gone; tell whether there were any."""
        shares = self.of(owner_id)
        there = self.jobs_of(shares)
        dead = [share for share in shares if share.job not in there]
        self._remove(owner_id, dead)
        return bool(dead)

    def _remove(self, owner_id: str, shares: Sequence[Share]) -> None:
        forget(self._store, owner_id, [f"{share.job}:{share.id}" for share in shares])

    def _read(self, share_ids: Sequence[str]) -> list[Share]:
        found: list[Share] = []
        for first in range(0, len(share_ids), AT_ONCE):
            piece = share_ids[first : first + AT_ONCE]
            texts = self._store.get_all([keyspace.share(each) for each in piece])
            stored = zip(piece, texts, strict=True)
            found += [decode_share(share_id, text) for share_id, text in stored if text]
        return found


def forget(store: RedisGateway, owner_id: str, names: Sequence[str]) -> None:
    """Remove a person's shares, named by job and share as in their list.
    Raises JobStoreUnavailable."""
    if names:
        entries = [keyspace.share(name.partition(":")[2]) for name in names]
        store.write(lambda client: client.unlink(*entries))  # first what opens something
        store.write(lambda client: client.zrem(keyspace.shares(owner_id), *names))


def names_of(store: RedisGateway, owner_id: str) -> list[str]:
    """Return the names of all of a person's shares. Raises JobStoreUnavailable."""
    key = keyspace.shares(owner_id)
    return cast("list[str]", store.read(lambda client: client.zrange(key, 0, -1)))


def _id_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
