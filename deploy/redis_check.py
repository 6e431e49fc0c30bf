"""Is the Redis that the settings name there? Asked once, before anything is started."""

from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from deploy.single_start import StartError
from shared.redis import build_client
from shared.settings import ApiSettings, SiteSettings


def check_redis(site: SiteSettings, api: ApiSettings) -> None:
    """Ping every store within the settings' bound. Raises StartError that says where, never with what password."""
    for url in dict.fromkeys((site.session_store_url, api.session_store_url, api.job_store_url)):
        _ping(url, timeout_s=site.redis_timeout_ms / 1000)


def _ping(url: str, *, timeout_s: float) -> None:
    client = build_client(url, timeout_s=timeout_s, max_connections=1)
    try:
        client.ping()
    except (AuthenticationError, NoPermissionError) as error:
        raise StartError(f"Redis at {_place(url)} refuses the user or password of its URL") from error
    except RedisError as error:
        raise StartError(
            f"Redis at {_place(url)} does not answer; start it, or unset GATEHOUSE_REDIS_URL to use the embedded server"
        ) from error
    finally:
        client.connection_pool.disconnect()


def _place(url: str) -> str:
    """The part of the URL that is no secret."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}"
