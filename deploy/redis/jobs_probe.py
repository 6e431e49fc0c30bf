"""May the API's Redis user write jobs? Tried by ``wsgi.py --check`` with the kinds of entries that
a submit writes: asking what a user may (ACL DRYRUN) is for administrators."""

import secrets
from collections.abc import Iterator
from typing import cast

from redis.exceptions import RedisError, ResponseError

from shared.contract.entries import JOBS_PREFIX
from shared.redis import build_client
from shared.settings import ApiSettings

# KEYS: one for each kind of entry; ARGV: milliseconds after which they are gone, whatever happens.
_WRITE = """
redis.call('set', KEYS[1], 'probe')
redis.call('hset', KEYS[2], 'probe', '')
redis.call('zadd', KEYS[3], 0, 'probe')
redis.call('sadd', KEYS[4], 'probe')
redis.call('rpush', KEYS[5], 'probe')
redis.call('xadd', KEYS[6], '*', 'probe', '')
for _, key in ipairs(KEYS) do redis.call('pexpire', key, ARGV[1]) end
return redis.call('unlink', unpack(KEYS))
"""
_KINDS = ("string", "hash", "sorted", "set", "list", "stream")
_GONE_AFTER_MS = 10_000


def probe_jobs(api: ApiSettings) -> Iterator[str]:
    """Write what a submit writes, under names that are no job's, and take it away again;
    yield a sentence if that is refused."""
    token, timeout_s = secrets.token_hex(16), api.redis_timeout_ms / 1000
    keys = [f"{JOBS_PREFIX}probe:{token}:{kind}" for kind in _KINDS]
    client = build_client(api.job_store_url, timeout_s=timeout_s, max_connections=1)
    try:
        client.eval(_WRITE, len(keys), *keys, cast(str, _GONE_AFTER_MS))
    except ResponseError as error:
        yield (
            f"{api.job_store_variable}: no job can be written with it ({error}): give it a user "
            'that may, such as "api" or "worker" of deploy/redis/users.acl'
        )
    except RedisError as error:
        yield f"{api.job_store_variable}: no job can be written with it: {error}"
    finally:
        client.connection_pool.disconnect()
