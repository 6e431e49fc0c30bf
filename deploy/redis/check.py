"""Can the Redis servers that the settings name be used? Asked once, before anything is started,
and by ``wsgi.py --check``."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from deploy.processes.single_start import StartError
from shared.errors import ConfigurationError
from shared.redis.cluster import is_cluster_url
from shared.redis.finder import server_of
from shared.redis.sentinel import is_sentinel_url
from shared.redis.trial import find_misconfiguration, find_obstacle
from shared.settings import ENV_PREFIX, ApiSettings, WriterSettings


def check_redis(site: WriterSettings, api: ApiSettings) -> None:
    """Try every store within the settings' bound.
    Raises StartError that says where, never with what password."""
    for url, variable in _stores(site, api).items():
        if obstacle := find_obstacle(url, timeout_s=site.redis_timeout_ms / 1000):
            raise StartError(
                f"{_place(url)} can't be used, {obstacle}: see {variable}; or unset "
                "GATEHOUSE_REDIS_URL to use the "
                "embedded server"
            )


def require_usable(site: WriterSettings, api: ApiSettings) -> None:
    """Raise ConfigurationError for a store that no waiting would make usable;
    one that is away is no reason not to start."""
    for url, variable in _stores(site, api).items():
        if problem := find_misconfiguration(url, timeout_s=site.redis_timeout_ms / 1000):
            raise ConfigurationError(f"{variable}: the {_place(url)} can't be used, {problem}")


def obstacles(site: WriterSettings, api: ApiSettings) -> Iterator[str]:
    """Yield a sentence for every store that can't be used now."""
    for url, variable in _stores(site, api).items():
        if obstacle := find_obstacle(url, timeout_s=site.redis_timeout_ms / 1000):
            yield f"{variable}: the {_place(url)} can't be used, {obstacle}"


def warnings(site: WriterSettings, api: ApiSettings) -> Iterator[str]:
    """Yield a sentence for what works and is a risk; asks no Redis."""
    if site.session_store_url == api.session_store_url:
        yield (
            "the API has the site's Redis URL, so it could write sessions: name a user that may "
            f"only read them in {ENV_PREFIX}API_REDIS_URL (deploy/redis/users.acl)"
        )
    if _is_one_server(api.job_store_url, api.session_store_url):
        yield (
            "sessions and jobs share one Redis server: full of jobs, it lets nobody log in. Give "
            "jobs one of their own "
            f"({ENV_PREFIX}JOBS_REDIS_URL)"
        )


def _stores(site: WriterSettings, api: ApiSettings) -> dict[str, str]:
    """Return each URL with the variable that names it."""
    named = [
        (site.session_store_url, site.session_store_variable),
        (api.session_store_url, api.session_store_variable),
        (api.job_store_url, api.job_store_variable),
    ]
    return dict(reversed(named))


def _is_one_server(url: str, other: str) -> bool:
    """Tell whether two URLs lead to one server. Of Sentinels, and of a Cluster, the name of what
    is looked for says so: two slots may be served by two nodes."""
    found = [
        (
            server_of(each),
            *(parse_qs(urlsplit(each).query).get(name) for name in ("service", "entry")),
        )
        for each in (url, other)
    ]
    return found[0] == found[1]


def _place(url: str) -> str:
    """Return what a URL leads to, in words."""
    if is_sentinel_url(url):
        return f"Redis behind the Sentinels at {server_of(url)}"
    return f"Redis{' Cluster' if is_cluster_url(url) else ''} at {server_of(url)}"
