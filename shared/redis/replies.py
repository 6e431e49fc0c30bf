"""What an error reply of Redis or Valkey means:
our mistake, somebody's configuration, or a server that can't just now.

The list of our own mistakes is the closed one: whatever else a server says, today or in a later
version, is its condition and not the person's fault, so it is 'unavailable' (503) and neither a 500
nor a 401. Source: the error replies in the sources of Redis 7 and Valkey 9, and redis.io/docs,
"Redis serialization protocol".
"""

import re
from enum import StrEnum

from redis.exceptions import RedisError

from shared.redis.replication import MayNotWaitError, NotReplicatedError
from shared.redis.role import CLUSTER_ADVICE


class Meaning(StrEnum):
    """What to do about an error reply."""

    MISTAKE = "mistake"  # a command of ours that can never work: an error to be seen
    WAIT = "wait"  # it will do so again: full, loading, busy, short of replicas
    DEMOTED = "demoted"  # the server is no primary any more: look for the one that is
    # nothing changes until somebody changes a setting, here or there
    CONFIGURATION = "configuration"


_MISTAKES = frozenset({"ERR", "WRONGTYPE"})
# MOVED: another node of a Cluster has the entries now. CLUSTERDOWN: another may, for this one does
# not reach the most of them. A server of one that was named as if it stood alone is refused before
# it can say so (.role).
_DEMOTED = frozenset({"READONLY", "MASTERDOWN", "UNBLOCKED", "MOVED", "CLUSTERDOWN"})
# What an operator can do about it; no sentence repeats the reply, which may name users and hosts.
_CONFIGURATION = {
    "NOPERM": "its user may not run a command, or read a name, that is needed "
    "(deploy/redis/users.acl; or GATEHOUSE_REDIS_PREFIX differs from the names in the ACL)",
    "NOAUTH": "it wants a user and a password, and the URL has none",
    "WRONGPASS": "it refuses the user or password of the URL",
    "DENIED": "it is in protected mode and refuses other machines",
    "NOPROTO": "it does not speak the second version of Redis's protocol",
    "CROSSSLOT": f"it is a Redis Cluster: {CLUSTER_ADVICE}",
}
# What it says in passing, for a moment of a failover; what to change if it goes on.
_IF_IT_LASTS = {
    "NOREPLICAS": "it has fewer replicas than its min-replicas-to-write asks for",
}
_NOT_REPLICATED = (
    "no replica has what was written: give each primary of slots or of Sentinels a replica, or add "
    "?replicas=0 to the URL, or &replicas=0 if it has a ? already"
)
_MAY_NOT_WAIT = (
    "its user may not run WAIT, by which a write waits for a replica: allow it (+wait), or add "
    "?replicas=0 to the URL, or &replicas=0 if it has a ? already"
)
# Replies that have only the general code, by how they begin.
_GENERAL: tuple[tuple[str, Meaning, str], ...] = (
    ("max number of clients", Meaning.WAIT, ""),
    ("wait cannot be used with replica", Meaning.DEMOTED, ""),
    (
        "unknown command",
        Meaning.CONFIGURATION,
        "it does not know a command that is needed: Redis 7 and Valkey have them all",
    ),
    (
        "db index is out of range",
        Meaning.CONFIGURATION,
        "it has no database of the number in the URL",
    ),
    ("invalid db index", Meaning.CONFIGURATION, "it has no database of the number in the URL"),
    ("client sent auth", Meaning.CONFIGURATION, "the URL has a password and the server has none"),
    (
        "auth <password> called without",
        Meaning.CONFIGURATION,
        "the URL has a password and the server has none",
    ),
    ("invalid password", Meaning.CONFIGURATION, _CONFIGURATION["WRONGPASS"]),
)
_CODE = re.compile(r"[A-Z][A-Z]{2,31}\b")
_OF_PIPELINE = "of pipeline caused error: "


def code_of(error: RedisError) -> str:
    """Return the reply's code, its first word in capitals: OOM, READONLY, ERR;
    empty for a reply without one."""
    # redis-py takes the codes that it knows out of the text
    if status := getattr(error, "status_code", None):
        return str(status)
    found = _CODE.match(_text(error))
    return found[0] if found else ""


def meaning_of(error: RedisError) -> Meaning:
    """Return what an error reply means."""
    code = code_of(error)
    if code == "ERR" and (general := _general(error)):
        return general[1]
    if code in _MISTAKES:
        return Meaning.MISTAKE
    if code in _DEMOTED:
        return Meaning.DEMOTED
    return Meaning.CONFIGURATION if code in _CONFIGURATION else Meaning.WAIT


def advice_for(error: RedisError) -> str:
    """Return what is wrong with the configuration, as the end of a sentence about the server;
    empty if that is not it."""
    if isinstance(error, MayNotWaitError):
        return _MAY_NOT_WAIT
    general = _general(error) if code_of(error) == "ERR" else None
    return general[2] if general else _CONFIGURATION.get(code_of(error), "")


def advice_if_it_lasts(error: RedisError) -> str:
    """Return what to change when the server goes on saying so, as the end of a sentence about it;
    empty for what is over by itself."""
    if isinstance(error, NotReplicatedError):
        return _NOT_REPLICATED
    return _IF_IT_LASTS.get(code_of(error), "")


def _general(error: RedisError) -> tuple[str, Meaning, str] | None:
    text = _text(error).removeprefix("ERR ").lower()
    return next((each for each in _GENERAL if text.startswith(each[0])), None)


def _text(error: RedisError) -> str:
    """Return the server's own words: redis-py writes the command before them when a pipeline
    fails."""
    return str(error).rpartition(_OF_PIPELINE)[2]
