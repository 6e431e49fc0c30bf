"""The seam to the Redis of sessions, principals and keys, for either side."""

from shared.errors import SessionStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.redis.finder import server_of
from shared.settings import ApiSettings, WriterSettings


def open_session_store(
    settings: WriterSettings | ApiSettings, *, connections: int | None = None
) -> RedisGateway:
    """Return the store as the user of these settings; it connects on first use.
    ``connections``: other than the settings say."""
    url = settings.session_store_url
    client = build_client(
        url,
        timeout_s=settings.redis_timeout_ms / 1000,
        max_connections=connections or settings.redis_connections,
    )
    place = {"server": server_of(url), "settings": settings.session_store_variable}
    return RedisGateway(client, unavailable=SessionStoreUnavailable, place=place)
