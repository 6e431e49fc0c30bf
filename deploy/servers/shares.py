"""How much of a bounded thing each client address holds:
connections, and threads that wait for slow clients.

Without a share, one address could take all there is, and everybody else would be refused.
"""

import threading
from collections import Counter
from typing import Any

from shared.http.client_address import customer_of


class AddressShares:
    """At most ``total`` pieces, and ``each`` of them for one holder;
    a holder of None has no bound of its own. Thread-safe."""

    def __init__(self, *, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._lock = threading.Lock()
        self._held: Counter[str | None] = Counter()
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many are held by all."""
        return self._taken

    def take(self, holder: str | None) -> bool:
        """Give ``holder`` one more, to be given back;
        False when it or all together have what they may."""
        with self._lock:
            if self._taken >= self._total or (
                holder is not None and self._held[holder] >= self._each
            ):
                return False
            self._held[holder] += 1
            self._taken += 1
            return True

    def give_back(self, holder: str | None) -> None:
        """Take one back from ``holder``."""
        with self._lock:
            self._taken -= 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]


def holder_of(peer: Any, *, trusted_proxy: bool) -> str | None:
    """Return whose share a connection from ``peer`` (socket.getpeername) counts to:
    an address, or an IPv6 customer's network.

    None behind a trusted proxy, whose one address is everybody's, and for a Unix socket,
    which has none.
    """
    if trusted_proxy or not isinstance(peer, tuple):
        return None
    return customer_of(str(peer[0])) or None
