"""A Django cache in the session store's Redis:
what all processes must agree on for a while, such as rate limits.

Values are JSON and nothing is unpickled, unlike in Django's own backends. When Redis is away every
method raises SessionStoreUnavailable, so that a log-in without its rate limit is refused (503),
not let through.
"""

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from django_site.contract import session_store

_SCAN_BATCH = 500
# django-allauth locks each rate limit around a read and a write, for 10 s. A lock that Redis took
# just as it stopped answering is never released:
# log-ins would go on being refused for as long after the outage.
_LOCK_LIFETIME_S = 2


class SharedCache(BaseCache):
    """Thread-safe. ``add`` is atomic. Values are what JSON can hold."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Store ``value`` unless the key is there; tell whether it was stored."""
        if timeout and timeout is not DEFAULT_TIMEOUT and str(key).endswith(":lock"):
            timeout = min(timeout, _LOCK_LIFETIME_S)
        return self._write(key, value, timeout, version, only_new=True)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or ``default`` when there is none."""
        name = self.make_and_validate_key(key, version=version)
        value = session_store().read(lambda client: client.get(name))
        return default if value is None else json.loads(str(value))

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Store ``value``."""
        self._write(key, value, timeout, version, only_new=False)

    def touch(
        self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Give the key another lifetime; tell whether it was there."""
        name, milliseconds = (
            self.make_and_validate_key(key, version=version),
            self._milliseconds(timeout),
        )
        if milliseconds is None:
            return bool(session_store().write(lambda client: client.persist(name)))
        return bool(session_store().write(lambda client: client.pexpire(name, milliseconds)))

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Remove the key; tell whether it was there."""
        name = self.make_and_validate_key(key, version=version)
        return bool(session_store().write(lambda client: client.delete(name)))

    def clear(self) -> None:
        """Remove every key of this cache, and no other."""

        def delete_all(client: Any) -> None:
            for name in client.scan_iter(match=f"{self.key_prefix}:*", count=_SCAN_BATCH):
                client.delete(name)

        session_store().write(delete_all)

    def close(self, **kwargs: Any) -> None:
        """Keep the connections: Django calls this after each request."""

    def _write(
        self, key: Any, value: Any, timeout: float | None, version: int | None, *, only_new: bool
    ) -> bool:
        name, milliseconds, text = (
            self.make_and_validate_key(key, version=version),
            self._milliseconds(timeout),
            json.dumps(value),
        )
        if milliseconds is not None and milliseconds <= 0:  # Django: expired at once
            return False if only_new else self.delete(key, version=version)
        return bool(
            session_store().write(
                lambda client: client.set(name, text, px=milliseconds, nx=only_new)
            )
        )

    def _milliseconds(self, timeout: float | None) -> int | None:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else int(seconds * 1000)
