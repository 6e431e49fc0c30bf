"""What is on a replica survives its primary: writes that wait until one has them.

Replication is asynchronous: a primary that dies may take along what it just said was written. So
behind a write goes ``WAIT <replicas> <milliseconds>``, in the same packet, in the place of the
question for the server's role. Too few replicas in that time are told as Redis tells it when it
refuses writes for want of replicas. The write may be there all the same, as after a lost reply.
So it may when the user has no right to WAIT: the write is refused each time, for nobody knows.
"""

from redis.exceptions import NoPermissionError, ResponseError

# Of what is not a script: whatever ends or begins a session, a job or an entry of a person; and
# SETRANGE, by which it is asked whether anything could be written (.gateway).
WRITES = frozenset(
    ("SET", "DEL", "UNLINK", "GETDEL", "HSET", "HDEL", "SADD", "SREM", "ZADD", "ZREM", "SMOVE")
) | {"SETRANGE"}


class NotReplicatedError(ResponseError):
    """Fewer replicas than a write waits for have it; told as Redis tells that it has too few."""


class MayNotWaitError(ResponseError):
    """The user may not ask whether replicas have a write. A refusal and no outage: reads go on.
    No NoPermissionError, which says of other commands what a user may do."""


class Acknowledgement:
    """How many replicas must have a write, within how long."""

    def __init__(self, replicas: int, *, timeout_s: float) -> None:
        words = (b"WAIT", b"%d" % replicas, b"%d" % max(1, int(timeout_s * 1000)))
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.question = b"*3\r\n" + parts
        self._replicas = replicas

    def require(self, reply: int | NoPermissionError) -> None:
        """Raise NotReplicatedError when fewer have it, MayNotWaitError when nobody may ask."""
        if isinstance(reply, NoPermissionError):
            raise MayNotWaitError(f"NOPERM {reply}") from reply
        if reply < self._replicas:
            raise NotReplicatedError(
                f"NOREPLICAS {reply} of {self._replicas} replicas have what was written"
            )
