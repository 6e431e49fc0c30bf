"""When was a key last used? Noted for its person to see, after the answer is sent, at most once a minute per key."""

import logging
import threading
import time
from collections.abc import Callable

from shared.entries import key_used_entry
from shared.errors import StoreUnavailable
from shared.redis import Store

log = logging.getLogger("gatehouse.api")

EVERY_S = 60
_KEPT_S = 400 * 86_400  # longer than any key may live


class KeyUsage:
    """Remembers per process which keys were noted lately. Thread-safe; never fails a request."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._noted_at: dict[str, float] = {}

    def is_due(self, key_id: str) -> bool:
        """Tell whether this use should be noted; true once a minute per key."""
        now = self._clock()
        with self._lock:
            if now - self._noted_at.get(key_id, 0) < EVERY_S:
                return False
            if len(self._noted_at) > 10_000:  # bounded: forgetting only means noting once more
                self._noted_at.clear()
            self._noted_at[key_id] = now
            return True

    def note(self, key_id: str) -> None:
        """Write that the key was used now."""
        try:
            self._store.write(lambda client: client.set(key_used_entry(key_id), int(self._clock()), ex=_KEPT_S))
        except StoreUnavailable:
            log.debug("use of a key not noted", extra={"key_id": key_id})
