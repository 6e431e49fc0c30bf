"""The cache that all processes share: rate limits and used one-time codes."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from django_site.contract import session_store
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _no_limit_used_up(site: None) -> Iterator[None]:
    """Rate limits start afresh, for this test and for the one after it."""
    cache.clear()
    yield
    cache.clear()


def test_value_comes_back_as_json_and_lies_in_redis_as_text() -> None:
    """Nothing in Redis is a pickle."""
    cache.set("a", [1.5, {"b": None}, "ü"])
    assert cache.get("a") == [1.5, {"b": None}, "ü"]
    assert (
        session_store().read(lambda client: client.get("gatehouse:cache:1:a"))
        == '[1.5, {"b": null}, "\\u00fc"]'
    )


def test_value_that_is_not_json_is_refused() -> None:
    """Instead of being pickled."""
    with pytest.raises(TypeError):
        cache.set("a", object())


def test_absent_key_gives_the_default_and_a_stored_none_does_not() -> None:
    """As in Django's own backends."""
    cache.set("none", None)
    assert (cache.get("absent", 7), cache.get("none", 7)) == (7, None)


def test_add_stores_only_the_first() -> None:
    """A one-time code is used by one of two who come together."""
    assert [cache.add("a", 1), cache.add("a", 2), cache.get("a")] == [True, False, 1]


def test_value_ends_with_its_lifetime() -> None:
    """A rate limit lifts by itself."""
    cache.set("a", 1, timeout=0.05)
    wait_until(lambda: cache.get("a") is None, timeout_s=2)


def test_lifetime_of_zero_stores_nothing_and_forgets_what_was_there() -> None:
    """Django: a timeout of 0 expires at once."""
    cache.set("a", 1)
    cache.set("a", 2, timeout=0)
    assert cache.get("a") is None
    assert cache.add("b", 1, timeout=0) is False


def test_touch_gives_another_lifetime_and_delete_says_whether_it_was_there() -> None:
    """The rest of Django's cache interface."""
    cache.set("a", 1, timeout=60)
    assert cache.touch("a", timeout=None)
    assert session_store().read(lambda client: client.ttl("gatehouse:cache:1:a")) == -1
    assert [cache.touch("absent"), cache.delete("a"), cache.delete("a")] == [False, True, False]


def test_clear_leaves_everything_else_in_redis() -> None:
    """Clearing the cache logs nobody out."""
    session_store().write(lambda client: client.set("gatehouse:session:x", "kept", ex=5))
    cache.set("a", 1)
    cache.clear()
    assert cache.get("a") is None
    assert session_store().read(lambda client: client.get("gatehouse:session:x")) == "kept"
