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

from django_site.contract import session_store
from django_site.keys.models import ApiKey
from django_site.keys.notices import tell_new_network
from django_site.publishing.background import RepeatedWork
from shared.contract.entries import KEY_NEWS_ENTRY, key_networks_entry
from shared.http.client_address import network_of

_EVERY_S = 5.0
_LONGEST_ID = 18  # digits that every database takes
# for one key: a stolen key that is sent round the world doesn't flood its owner
_MAIL_EVERY_S = 600


def know_network(key: ApiKey, address: str) -> None:
    """Note that nobody needs to be told of uses from the network of ``address``.
    Raises SessionStoreUnavailable."""
    network, entry = network_of(address), key_networks_entry(str(key.pk))
    if network:
        ttl_s = max(1, int(key.expires_at.timestamp() - time.time()))
        session_store().write(lambda client: client.zadd(entry, {network: time.time()}))
        session_store().write(lambda client: client.expire(entry, ttl_s))


def tell_news(stopping: threading.Event | None = None) -> int:
    """Tell people of what is new, until ``stopping`` is set; return how many uses that were.

    What could not be told is put back, to be told later. Raises SessionStoreUnavailable.
    """
    stopping = stopping or threading.Event()
    told = 0
    while not stopping.is_set() and (member := _take()):
        try:
            _tell(member)
        except BaseException:
            _put_back(member)
            raise
        told += 1
    return told


def _take() -> str | None:
    """Take the oldest piece of news: one, so that a process that stops or dies loses no other."""
    taken = session_store().write(lambda client: client.zpopmin(KEY_NEWS_ENTRY, 1))
    return next((member for member, _ in cast(list[tuple[str, float]], taken)), None)


def _put_back(member: str) -> None:
    # at the end of the list: one that can't be told must not keep the others waiting
    at = {member: time.time()}
    session_store().write(lambda client: client.zadd(KEY_NEWS_ENTRY, at))


def _tell(member: str) -> None:
    key_id, _, network = member.partition(" ")
    key = (
        ApiKey.objects.select_related("user").filter(pk=int(key_id)).first()
        if key_id.isdecimal() and len(key_id) <= _LONGEST_ID
        else None
    )
    if key is not None and network:
        lately = f"key-news:{key.pk}"
        first_lately = cache.add(lately, 1, timeout=_MAIL_EVERY_S)
        try:
            tell_new_network(key, network, with_mail=first_lately)
        except Exception:
            if first_lately:
                cache.delete(lately)  # the mail is still to be sent
            raise


class NewsTeller(RepeatedWork):
    """A thread that tells people what the gate found,
    beside the requests of each server process."""

    name = "gatehouse-key-news"
    log = logging.getLogger("gatehouse.keys")
    failure = "telling of new networks failed; what is left is tried again"

    def __init__(self) -> None:
        super().__init__(every_s=_EVERY_S)

    def work(self) -> None:
        """Tell what is new, to the end of the list."""
        tell_news(self.stopping)
