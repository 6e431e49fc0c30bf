"""Do both sides agree? Compared without Redis at start,
and tried against Redis by ``wsgi.py --check``.

A site and an API that differ in one of these don't fail, they refuse everybody,
and nothing says why. This does.
"""

import secrets
import time
from collections.abc import Iterator

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from shared.contract.entries import permissions_entry, session_entry
from shared.contract.session import SessionFormat, SessionRecord
from shared.contract.signing import EntrySigner
from shared.errors import (
    ConfigurationError,
    EntryFormatError,
    StoreUnavailable,
)
from shared.redis import RedisGateway
from shared.redis.trial import obstacle_of
from shared.session_store import open_session_store
from shared.settings import ENV_PREFIX, ApiSettings, ContractSettings, WriterSettings

# What must be equal, and what happens when it is not.
_EQUAL = {
    "cookie_name": "the API looks for a cookie that the site never sets",
    "session_absolute_s": "one side refuses sessions that the other accepts",
    "api_prefix": "links lead past the API",
    "login_url": "the API sends browsers to a page that is not there",
    "csrf_trusted_origins": "pages of an origin may send forms to the site and not to the API, or "
    "the reverse",
    "trusted_proxy": "one side takes another address for the client's, and the scheme for another",
    "forwarded_prefixes": "one side's links lead past the mount",
    "production": "one side expects __Host- cookies over HTTPS, the other does not",
}
_PROBE_TTL_S = 10
_PERMISSIONS = permissions_entry("probe")  # no set has this name, and none is this session's value


def disagreements(site: WriterSettings, api: ApiSettings) -> list[str]:
    """Return a sentence for every setting on which the two sides would not understand each other;
    asks no Redis."""
    found = [
        f"{_variable(name)}: the site has {getattr(site, name)!r}, the API {getattr(api, name)!r}: "
        f"{consequence}"
        for name, consequence in _EQUAL.items()
        if getattr(site, name) != getattr(api, name)
    ]
    if site.secrets[0] not in api.secrets:
        found.append(
            f"{ENV_PREFIX}SESSION_SECRETS: the site signs with a secret that is not in the API's "
            "list: "
            "the API refuses every session; add the site's first secret to the API's list"
        )
    return found


def require_agreement(site: WriterSettings, api: ApiSettings) -> None:
    """Raise ConfigurationError with every disagreement."""
    found = disagreements(site, api)
    if found:
        raise ConfigurationError("; ".join(found))


def probe(site: WriterSettings, api: ApiSettings) -> Iterator[str]:
    """Write a session as the site does and read it as the API does;
    yield a sentence for everything that is wrong.

    The probe's session is anonymous, under a random key, and gone after ten seconds, as is its
    entry in the place of a set of permissions.
    """
    key = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(32))
    entry = session_entry(key)
    now = int(time.time())
    record = SessionRecord(data={}, created_at=now, expires_at=now + _PROBE_TTL_S)
    value = _format(site).encode(entry, record)
    writer = open_session_store(site, connections=2)
    try:
        writer.write(lambda client: client.set(entry, value, ex=_PROBE_TTL_S))
        writer.write(lambda client: client.set(_PERMISSIONS, value, ex=_PROBE_TTL_S))
        has_sites_user = api.session_store_url == site.session_store_url
        yield from _probe_reader(api, entry, has_sites_user=has_sites_user)
        writer.write(lambda client: client.delete(entry))
    except StoreUnavailable as error:
        if _is_forbidden(error):
            yield (
                "the site's Redis user may not write sessions or sets of permissions: see "
                "GATEHOUSE_SITE_REDIS_URL (deploy/redis/users.acl), and GATEHOUSE_REDIS_PREFIX"
            )
        else:
            yield _unavailable("site", error)
    finally:
        writer.close()


def _probe_reader(api: ApiSettings, entry: str, *, has_sites_user: bool) -> Iterator[str]:
    reader = open_session_store(api, connections=2)
    try:
        yield from _probe_reading(api, reader, entry)
        if not has_sites_user:  # that one writes: deploy.redis.check warns of it
            yield from _probe_privilege(reader, entry)
    except StoreUnavailable as error:
        yield _unavailable("API", error)
    finally:
        reader.close()


def _probe_reading(api: ApiSettings, reader: RedisGateway, entry: str) -> Iterator[str]:
    try:
        value = reader.get(entry)
        if value is None:
            yield (
                f"the API reads another Redis than the site writes: compare {_urls('SITE')} with "
                f"{_urls('API')}, database number too"
            )
        else:
            _format(api).decode(entry, value, now=time.time())
        reader.get(_PERMISSIONS)
    except EntryFormatError as error:
        yield (
            f"the API refuses what the site signs ({error.message}): compare "
            "GATEHOUSE_SESSION_SECRETS"
        )
    except StoreUnavailable as error:
        if not _is_forbidden(error):
            raise
        yield (
            "the API's Redis user may not read sessions or sets of permissions: see "
            "GATEHOUSE_API_REDIS_URL (deploy/redis/users.acl), and GATEHOUSE_REDIS_PREFIX"
        )


def _probe_privilege(reader: RedisGateway, entry: str) -> Iterator[str]:
    try:
        reader.write(lambda client: client.expire(entry, _PROBE_TTL_S))
    except StoreUnavailable as error:
        if not _is_forbidden(error):  # as it should be
            raise
    else:
        yield (
            "the API's Redis user may write sessions: name one that may not in "
            f"{ENV_PREFIX}API_REDIS_URL (deploy/redis/users.acl)"
        )


def _is_forbidden(error: StoreUnavailable) -> bool:
    return isinstance(error.__cause__, NoPermissionError)


def _unavailable(side: str, error: StoreUnavailable) -> str:
    variables = _urls(side.upper())
    if isinstance(error.__cause__, AuthenticationError):
        return f"the {side}'s Redis refuses the user or password of its URL: see {variables}"
    cause = error.__cause__
    obstacle = obstacle_of(cause) if isinstance(cause, RedisError) else "it does not answer"
    return f"the {side}'s Redis can't be used, {obstacle}: see {variables}"


def _urls(side: str) -> str:
    return f"{ENV_PREFIX}{side}_REDIS_URL or {ENV_PREFIX}REDIS_URL"


def _format(settings: ContractSettings) -> SessionFormat:
    return SessionFormat(EntrySigner(settings.secrets), settings.lifetimes)


def _variable(name: str) -> str:
    return ENV_PREFIX + {"cookie_name": "SESSION_COOKIE_NAME"}.get(name, name.upper())
