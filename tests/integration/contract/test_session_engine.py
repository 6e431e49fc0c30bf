"""The session engine against a real Valkey:
insert is not update, an outage is an error, nothing is written back."""

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import redis
from asgiref.sync import ThreadSensitiveContext
from django.contrib.sessions.backends.base import SessionBase, UpdateError

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import session_entry, sessions_of_entry
from shared.contract.session import USER_ID, SessionRecord

if TYPE_CHECKING:
    from django_site.sessions.engine import SessionStore

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as client:
        yield client


def _new_session(**data: object) -> "SessionStore":
    from django_site.sessions.engine import SessionStore

    session = SessionStore()
    session.update(data)
    session.save()
    return session


def _key(session: SessionBase) -> str:
    assert session.session_key is not None
    return session.session_key


def _again(key: str | None) -> "SessionStore":
    from django_site.sessions.engine import SessionStore

    return SessionStore(key)


def test_saved_session_loads_with_its_data() -> None:
    """What was saved comes back under the same key."""
    session = _new_session(cart=[1, 2])
    assert _again(session.session_key)["cart"] == [1, 2]


def test_entry_name_and_value_hold_no_key_and_no_pickle(admin: redis.Redis) -> None:
    """A dump of Redis gives no usable cookie and nothing to unpickle."""
    session = _new_session(cart=1)
    entry = session_entry(_key(session))
    value = admin.get(entry)
    assert _key(session) not in entry
    assert isinstance(value, str)
    assert _key(session) not in value
    assert value.isascii()


def test_deleted_session_is_never_written_back(admin: redis.Redis) -> None:
    """A request that outlives its log-out raises UpdateError and stores nothing."""
    session = _new_session(cart=1)
    stale = _again(session.session_key)
    stale["cart"] = 2
    session.delete()
    with pytest.raises(UpdateError):
        stale.save()
    assert admin.exists(session_entry(_key(session))) == 0


def test_unknown_key_is_never_adopted() -> None:
    """A session id planted before log-in (fixation) is not used: the engine makes its own."""
    planted = "a" * 32
    session = _again(planted)
    session["x"] = 1
    session.save()
    assert session.session_key != planted


def test_taken_key_is_refused_on_create(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sessions never share a key: the second create goes on to the next."""
    first = _new_session(x=1)
    second = _again(None)
    keys = iter([first.session_key, "b" * 32])
    monkeypatch.setattr(type(second), "_get_new_session_key", lambda self: next(keys))
    second.create()
    second.delete()
    assert second.session_key == "b" * 32


def test_cycle_key_keeps_data_and_ends_the_old_key() -> None:
    """After log-in the old key is worth nothing."""
    session = _new_session(x=1)
    old = session.session_key
    session.cycle_key()
    session.save()
    assert _again(session.session_key)["x"] == 1
    assert not session.exists(str(old))


def test_fresh_session_is_stored_once_however_often_its_key_changes() -> None:
    """A log-in changes the key before anything is stored;
    a second one in the same request loses nothing."""
    session = _again(None)
    session["x"] = 1
    session.cycle_key()
    first = _key(session)
    session.cycle_key()
    assert (session.exists(first), session.exists(_key(session)), session.modified) == (
        False,
        False,
        True,
    )
    session.save()
    assert (session.exists(first), _again(session.session_key)["x"]) == (False, 1)
    session["x"] = 2
    session.save()
    assert _again(session.session_key)["x"] == 2


@pytest.mark.parametrize(
    "key",
    ["", "short", "A" * 32, "../../etc", "rq:job:1", "a" * 33, "x" * 1_000_000, "a" * 31 + "\n"],
)
def test_malformed_key_is_no_key(key: str) -> None:
    """What Django never made is not asked for in Redis."""
    assert _again(key).session_key is None


def test_value_under_another_entry_is_an_empty_session(admin: redis.Redis) -> None:
    """A signed value copied under another key is refused (M9)."""
    session = _new_session(x=1)
    other = "c" * 32
    admin.set(session_entry(other), str(admin.get(session_entry(_key(session)))))
    assert dict(_again(other).items()) == {}
    admin.delete(session_entry(other))


def test_absolute_lifetime_ends_a_session_that_redis_keeps(admin: redis.Redis) -> None:
    """A session kept alive past its absolute lifetime is refused, however often it was saved."""
    from django_site.contract import contract_settings, session_format

    session = _new_session(x=1)
    entry = session_entry(_key(session))
    now = int(time.time())
    old = SessionRecord(
        data={"x": 1}, created_at=now - contract_settings().session_absolute_s, expires_at=now + 100
    )
    admin.set(entry, session_format().encode(entry, old))
    assert dict(_again(session.session_key).items()) == {}


def test_idle_lifetime_is_the_entrys_time_to_live(admin: redis.Redis) -> None:
    """Redis forgets a session when its idle lifetime ends."""
    from django_site.contract import contract_settings

    session = _new_session(x=1)
    ttl = admin.ttl(session_entry(_key(session)))
    assert contract_settings().session_idle_s - 5 <= int(ttl) <= contract_settings().session_idle_s


def test_custom_expiry_is_kept(admin: redis.Redis) -> None:
    """``set_expiry`` works as Django documents."""
    session = _new_session(x=1)
    session.set_expiry(90)
    session.save()
    assert 85 <= int(admin.ttl(session_entry(_key(session)))) <= 90


def test_clear_expired_forgets_ended_sessions(admin: redis.Redis) -> None:
    """The set that lists a person's sessions is tidied by ``clearsessions``."""
    session = _new_session(**{USER_ID: "tidy"})
    index = sessions_of_entry("tidy")
    assert admin.scard(index) == 1
    session.delete()
    type(session).clear_expired()
    assert admin.scard(index) == 0


def test_async_methods_do_what_the_sync_ones_do() -> None:
    """Django 5.2's async methods: create, load, save, exists, cycle, delete."""

    async def use() -> None:
        async with ThreadSensitiveContext():  # asgiref's thread ends with it
            await use_session()

    async def use_session() -> None:
        session = _again(None)
        await session.aset("x", 1)
        await session.asave()
        assert await session.aexists(_key(session))
        assert await _again(session.session_key).aget("x") == 1
        await session.acycle_key()
        await session.asave()
        await session.adelete()
        assert not await session.aexists(_key(session))
        await type(session).aclear_expired()

    asyncio.run(use())


def test_data_that_json_cannot_hold_is_refused() -> None:
    """Nothing is pickled: a set in the session is a TypeError, as with Django's JSON serializer."""
    with pytest.raises(TypeError):
        _new_session(x={1, 2})
