"""What tests of API keys share."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.authentication import Identity
from shared.errors import NotAuthenticated, SessionStoreUnavailable
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User
    from django_site.keys.models import ApiKey
    from django_site.publishing.rebuild import Rebuilt


def keys_of(person: "User") -> "list[ApiKey]":
    """The person's keys, newest first."""
    from django_site.keys.models import ApiKey

    return list(ApiKey.objects.of(person))


def identify(token: str) -> Identity:
    """Who the gate says this is; raises NotAuthenticated."""
    from django_site.contract import guards

    return guards().identify_key(token)


def is_refused(token: str) -> bool:
    """Tell whether the gate refuses this key."""
    try:
        identify(token)
    except NotAuthenticated:
        return True
    return False


def grow_old(browser: "Client") -> None:
    """Let the log-in of this session be an hour ago."""
    session: Any = browser.session
    session["account_authentication_methods"] = []
    session.created_at -= 3600
    session.save()


@contextmanager
def hanging(valkey: EmbeddedValkey) -> Iterator[None]:
    """Let Valkey answer nobody until the block ends;
    go on when the site has noticed that it is back."""
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
        wait_until(_is_back, timeout_s=10, what="Valkey answers the site again")


def _is_back() -> bool:
    from django_site.contract import session_store

    try:
        session_store().read(lambda client: client.exists("gatehouse:cache:x"))
    except SessionStoreUnavailable:
        return False
    return True


def total(slices: "Iterable[Rebuilt]") -> "Rebuilt":
    """Do all slices of a rebuild; return what was done."""
    from django_site.publishing.rebuild import Rebuilt

    return sum(slices, Rebuilt())
