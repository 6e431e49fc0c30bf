"""The names of the entries that both sides meet at in Redis, and what a session key looks like.

A name never holds a usable credential: session keys and API keys go in as SHA-256,
so a leaked dump opens nothing.

    gatehouse:session:<sha256 hex of the session key>   signed session record, by Django
    gatehouse:principal:<user id>                       signed principal, by Django
    gatehouse:permissions:<sha256 hex of the names>     signed set of permissions, by Django
    gatehouse:key:<sha256 hex of the API key>           signed key record, by Django
    gatehouse:key:request:<sha256 hex of its token>     signed request (.signed_requests), by Django
    gatehouse:key-used:<key id>                         seconds since 1970, by the API
    gatehouse:key-used:request:<sha256 hex>             a signed request was taken, by the API
    gatehouse:key-used:networks:<key id>                networks by last use, by both
    gatehouse:key-used:news                             new networks, to be told, by the API
    gatehouse:gone:...                                  who is gone (.gone), by Django
    gatehouse:sessions-of:<user id>                     set of session entries, Django's own
    gatehouse:cache:...                                 rate limits, Django's own
    gatehouse:lock:...                                  turns, order of publishes, Django's own
    gatehouse:jobs:...                                  the engine's own, by the API and workers

They begin with another word where GATEHOUSE_REDIS_PREFIX says so. In braces it is a hash tag, which
a Redis Cluster needs: ``{gatehouse}:session:...`` and ``{gatehouse-jobs}:jobs:...``, each of the
two in one slot, where scripts may touch several of them. Two slots, so that two servers can have
them: one that is full of jobs lets people in. A signature is bound to the name as it is here.
"""

import hashlib
import re

from shared.environment import redis_prefix

PREFIX = redis_prefix()
JOBS_PREFIX = f"{PREFIX.replace('}', '-jobs}')}jobs:"
# Entries that are not there, which every user may ask for: who serves the slot of all others?
SESSIONS_SLOT = f"{PREFIX}session:slot"
JOBS_SLOT = f"{JOBS_PREFIX}slot"

# What Django's SessionBase makes: 32 characters of [a-z0-9]. Anything else never reaches Redis.
_SESSION_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


def is_session_key(candidate: str) -> bool:
    """Tell whether ``candidate`` has the form of a session key that Django makes."""
    return _SESSION_KEY.fullmatch(candidate) is not None


def digest(credential: str) -> str:
    """Return the SHA-256 of a session key or API key as 64 hex digits;
    it is safe to log and to store."""
    return hashlib.sha256(credential.encode()).hexdigest()


def session_entry(session_key: str) -> str:
    """Name the entry of a session."""
    return f"{PREFIX}session:{digest(session_key)}"


def principal_entry(user_id: str) -> str:
    """Name the entry of a principal."""
    return f"{PREFIX}principal:{user_id}"


def permissions_entry(set_digest: str) -> str:
    """Name the entry of a set of permissions, given its digest (.permissions.digest_of)."""
    return f"{PREFIX}permissions:{set_digest}"


def key_entry(token: str) -> str:
    """Name the entry of an API key, given the whole key."""
    return key_entry_of_digest(digest(token))


def key_entry_of_digest(token_digest: str) -> str:
    """Name the entry of an API key, given its SHA-256: all that Django keeps of it."""
    return f"{PREFIX}key:{token_digest}"


def signed_request_entry(token: str) -> str:
    """Name the entry of a signed request, given its token."""
    return f"{PREFIX}key:request:{digest(token)}"


def taken_request_entry(token: str) -> str:
    """Name the entry that says that a signed request was taken, given its token."""
    return f"{PREFIX}key-used:request:{digest(token)}"


def sessions_of_entry(user_id: str) -> str:
    """Name the set of one person's session entries."""
    return f"{PREFIX}sessions-of:{user_id}"


def key_used_entry(key_id: str) -> str:
    """Name the entry that says when an API key was last used:
    for display only, nothing is decided by it."""
    return f"{PREFIX}key-used:{key_id}"


def key_networks_entry(key_id: str) -> str:
    """Return the entry that lists the networks that a key was used from,
    each with when it was last."""
    return f"{PREFIX}key-used:networks:{key_id}"


KEY_NEWS_ENTRY = f"{PREFIX}key-used:news"
"""The entry of uses from new networks that their people are still to be told of:
``<key id> <network>`` by time."""
