"""When and from which network was a key used? Noted for its person, after the answer is sent,
at most once a minute each."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contract.entries import KEY_NEWS_ENTRY, key_networks_entry, key_used_entry
from shared.errors import StoreUnavailable
from shared.http.client_address import client_address, network_of

if TYPE_CHECKING:
    from shared.redis import RedisGateway, Script

log = logging.getLogger("gatehouse.api")

EVERY_S = 60
_KEPT_S = 400 * 86_400  # longer than any key may live
_MAX_NETWORKS = 100  # of one key; the one that was not used for longest is forgotten first
_MAX_NEWS = 10_000


@lru_cache(maxsize=4096)
def network_of_request(peer: str, forwarded: str, trusted_proxy: bool) -> str:
    """Return the client's network; ``forwarded`` is the last part of X-Forwarded-For.
    Costs a look-up for a known client."""
    return network_of(
        client_address(peer=peer, forwarded_for=forwarded, trusted_proxy=trusted_proxy)
    )


class KeyUsage:
    """Remembers per process which keys were noted lately. Thread-safe; never fails a request."""

    def __init__(self, store: "RedisGateway", *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._noted_at: dict[tuple[str, str], float] = {}

    def is_due(self, key_id: str, network: str = "") -> bool:
        """Tell whether this use should be noted; true once a minute per key and network."""
        now, use = self._clock(), (key_id, network)
        with self._lock:
            if now - self._noted_at.get(use, 0) < EVERY_S:
                return False
            if len(self._noted_at) > 10_000:  # bounded: forgetting only means noting once more
                self._noted_at.clear()
            self._noted_at[use] = now
            return True

    def note(self, key_id: str, network: str = "") -> None:
        """Write that the key was used now, and from where;
        a network that is new to it becomes news."""
        entries = [key_used_entry(key_id), key_networks_entry(key_id), KEY_NEWS_ENTRY]
        try:
            self._store.run(
                _note(),
                entries,
                [int(self._clock()), _KEPT_S, key_id, network, _MAX_NETWORKS, _MAX_NEWS],
            )
        except StoreUnavailable:
            log.debug("use of a key not noted", extra={"key_id": key_id})


@cache
def _note() -> "Script":
    """Load the script with the first application: importing the gate needs no Redis client."""
    from shared.redis import Script

    return Script.read(Path(__file__).with_name("note_key_use.lua"))
