"""How many connections one address gets at once from this process:
a job of a thousand URLs must not be an attack on a host.

By address, not by name: a host with many names is still one host.
"""

import functools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

from flask_api.tasks.web.errors import HostBusy
from flask_api.tasks.web.fetching.budget import SLICE_S, Budget

DEFAULT_LIMIT = 8
# So long a fetch waits for its turn; the wait is not counted as the fetch's own time.
MAX_WAIT_S = 600.0


class HostSlots:
    """Bounds the connections to each address. Thread-safe;
    holds an entry only for addresses that are in use."""

    def __init__(self, limit: int, *, max_wait_s: float = MAX_WAIT_S) -> None:
        self._limit = limit
        self._max_wait_s = max_wait_s
        self._lock = threading.Lock()
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._users: dict[str, int] = {}

    @contextmanager
    def slot(self, address: str, budget: Budget) -> Iterator[None]:
        """Hold one of the address's slots for the block.
        Raises HostBusy or, once the client is closed, FetchAborted."""
        host = _plain(address)
        slots = self._join(host)
        try:
            self._acquire(slots, budget)
            try:
                yield
            finally:
                slots.release()
        finally:
            self._leave(host)

    def _acquire(self, slots: threading.BoundedSemaphore, budget: Budget) -> None:
        if slots.acquire(blocking=False):
            return
        deadline = time.monotonic() + self._max_wait_s
        with budget.paused():
            while not slots.acquire(timeout=min(SLICE_S, self._max_wait_s)):
                budget.check_open()
                if time.monotonic() > deadline:
                    raise HostBusy(
                        "Other fetches from this host took all its turns for "
                        f"{self._max_wait_s:g} s."
                    )

    def _join(self, host: str) -> threading.BoundedSemaphore:
        with self._lock:
            self._users[host] = self._users.get(host, 0) + 1
            return self._slots.setdefault(host, threading.BoundedSemaphore(self._limit))

    def _leave(self, host: str) -> None:
        with self._lock:
            self._users[host] -= 1
            if not self._users[host]:
                del self._users[host], self._slots[host]


@functools.cache
def process_slots(limit: int) -> HostSlots:
    """Return the slots that all jobs of this process share."""
    return HostSlots(limit)


def _plain(address: str) -> str:
    """Return one spelling for an address: ::ffff:10.1.2.3 is the host 10.1.2.3."""
    parsed = ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
