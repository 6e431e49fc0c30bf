"""A job's rows at an address that its owner gives to others:
everybody who is logged in and has it may look, until the owner ends it.

The token is the job's id and 256 random bits; Redis holds only their SHA-256, so a leaked dump
opens nothing. There is one share of a job at a time: sharing again makes a new token and ends the
old one. Shares end with their owner: refused at once when Django marks them as deleted or
deactivated, and removed soon after (flask_api.jobs.deleted_owners).
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid

from flask_api.jobs.errors import JobNotFound
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job
from flask_api.jobs.records.job_writer import REMEMBERED_S
from shared.contract.gone import GonePeople
from shared.redis import RedisGateway
from shared.redis.clock import JOBS_CLOCK

_ID_BYTES = 16
_SECRET_BYTES = 32
_NOTHING = "Nothing is shared at this address."
_TOKEN_LENGTH = 64  # one share has one address: the decoder would also take padding behind it


class Shares:
    """Makes, ends and follows shares. Thread-safe;
    every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway, gone: GonePeople) -> None:
        self._store = store
        self._gone = gone

    def share(self, job: Job) -> str:
        """Return a new token for an ended job; an earlier one opens nothing from now on.

        It ends with the job, and is known a while longer, to say that the job expired.
        """
        secret = secrets.token_bytes(_SECRET_BYTES)
        expires_at = JOBS_CLOCK.now() if job.expires_at is None else job.expires_at.timestamp()
        keep_s = max(1, int(expires_at - JOBS_CLOCK.now())) + REMEMBERED_S
        self._store.write(
            lambda client: client.set(keyspace.shared(job.id), _digest(secret), ex=keep_s)
        )
        return base64.urlsafe_b64encode(uuid.UUID(job.id).bytes + secret).decode()

    def end(self, job: Job) -> None:
        """End the job's share; there may be none."""
        self._store.write(lambda client: client.delete(keyspace.shared(job.id)))

    def require_owner(self, job: Job) -> None:
        """Raise JobNotFound when the job's owner is gone: what they shared opens nothing.
        Raises SessionStoreUnavailable."""
        if self._gone.is_gone(job.owner.id):
            raise JobNotFound(_NOTHING)

    def job_of(self, token: str) -> str:
        """Return the id of the job that the token opens;
        raises JobNotFound, whatever is wrong with it."""
        try:
            opened = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            opened = b""
        if len(token) == _TOKEN_LENGTH and len(opened) == _ID_BYTES + _SECRET_BYTES:
            job_id = str(uuid.UUID(bytes=opened[:_ID_BYTES]))
            stored = self._store.get(keyspace.shared(job_id)) or ""
            if hmac.compare_digest(stored.encode(), _digest(opened[_ID_BYTES:]).encode()):
                return job_id
        raise JobNotFound(_NOTHING)


def _digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()
