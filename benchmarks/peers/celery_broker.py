"""Where Celery finds the Redis of a run."""

from urllib.parse import urlsplit

from benchmarks.measuring.context import Context


def address_of(context: Context) -> str:
    """Return the URL as Celery writes it, of the same Unix socket as everybody's."""
    url = urlsplit(context.peer_redis_url)
    return f"redis+socket://{url.username}:{url.password}@{url.path}"
