"""What is no text under the contract's names is refused like any forgery, on both sides."""

from typing import TYPE_CHECKING

import pytest
import redis
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import principal_entry, session_entry

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User


@pytest.mark.parametrize("which", ["session", "principal"])
def test_list_under_an_entrys_name_is_nobody(
    api: Flask, logged_in: "Client", person: "User", valkey: EmbeddedValkey, which: str
) -> None:
    """401 from Flask, an anonymous page from Django, no 500 from either."""
    key = logged_in.cookies["sessionid"].value
    entry = session_entry(key) if which == "session" else principal_entry(str(person.pk))
    with redis.Redis.from_url(valkey.url("admin")) as admin:
        admin.delete(entry)
        admin.rpush(entry, "stray")
    client = api.test_client()
    client.set_cookie("sessionid", key)
    assert client.get("/me").status_code == 401
    assert logged_in.get("/").status_code == 200
    with redis.Redis.from_url(valkey.url("admin")) as admin:
        admin.delete(entry)
