"""Tell people when a key of theirs is used from a network for the first time:
a stolen key shows itself so.

The API's gate notes the networks after its answer is sent (flask_api/gate/key_usage.py) and leaves
what is new in one list; this takes it from there. Each piece of news is taken by one process, once.
The network that a key was made from is known already.
"""

import logging
import threading
import time
from typing import cast

from django.core.cache import cache
from django.db import close_old_connections

from django_site.keys.models import ApiKey
from django_site.keys.notices import tell_new_network
from django_site.sessions.contract import session_store
from shared.client_address import network_of
from shared.entries import KEY_NEWS_ENTRY, key_networks_entry
from shared.errors import SessionStoreUnavailable

log = logging.getLogger("gatehouse.keys")

_BATCH = 100
# for one key: whoever sends a stolen key round the world doesn't flood its owner
_MAIL_EVERY_S = 600


def know_network(key: ApiKey, address: str) -> None:
    """Note that nobody needs to be told of uses from the network of ``address``.
    Raises SessionStoreUnavailable."""
    network, entry = network_of(address), key_networks_entry(str(key.pk))
    if network:
        ttl_s = max(1, int(key.expires_at.timestamp() - time.time()))
        session_store().write(lambda client: client.zadd(entry, {network: time.time()}))
        session_store().write(lambda client: client.expire(entry, ttl_s))


def tell_news() -> int:
    """Tell people of what is new; return how many uses that were.
    Raises SessionStoreUnavailable."""
    taken = session_store().write(lambda client: client.zpopmin(KEY_NEWS_ENTRY, _BATCH))
    found = [member for member, _ in cast(list[tuple[str, float]], taken)]
    for member in found:
        key_id, _, network = member.partition(" ")
        key = (
            ApiKey.objects.select_related("user").filter(pk=int(key_id)).first()
            if key_id.isdecimal()
            else None
        )
        if key is not None and network:
            first_lately = cache.add(f"key-news:{key.pk}", 1, timeout=_MAIL_EVERY_S)
            tell_new_network(key, network, with_mail=first_lately)
    return len(found)


class NewsTeller:
    """A thread that tells people what the gate found,
    beside the requests of each server process."""

    def __init__(self, *, interval_s: float = 5.0) -> None:
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; call it after any fork."""
        self._thread = threading.Thread(target=self._run, name="gatehouse-key-news", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                while tell_news() == _BATCH and not self._stopping.is_set():
                    pass
            except SessionStoreUnavailable:
                continue  # the list is in Redis: it is there when Redis is back
            except Exception:
                log.exception("telling of new networks failed; what is left is tried again")
            finally:
                close_old_connections()
