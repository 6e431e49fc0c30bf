"""The cases of Django's own suite for session backends, against our engine:
what any site may expect of a session."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.utils import timezone

pytestmark = pytest.mark.usefixtures("site")


def _session(key: str | None = None) -> Any:
    from django_site.sessions.engine import SessionStore

    return SessionStore(key)


@pytest.fixture
def session() -> Any:
    """A session that is stored nowhere yet."""
    return _session()


@pytest.fixture
def idle_s() -> int:
    """The idle lifetime."""
    from django_site.contract import contract_settings

    return contract_settings().session_idle_s


def test_new_session_is_neither_modified_nor_accessed(session: Any) -> None:
    """Nothing is sent for a visitor who needs no session."""
    assert (session.modified, session.accessed, session.get("cat")) == (False, False, None)


def test_dictionary_methods_note_access_and_change(session: Any) -> None:
    """Each as Django's own: what reads marks it accessed, what writes marks it modified."""
    session["cat"] = "dog"
    assert session.modified
    session.modified = False
    assert (session.pop("some", "no"), session.modified) == ("no", False)
    assert (session.pop("cat"), session.modified) == ("dog", True)
    session.modified = False
    assert (session.setdefault("a", 1), session.setdefault("a", 2), session.modified) == (
        1,
        1,
        True,
    )
    session.update({"b": 2})
    assert (sorted(session.keys()), sorted(session.values()), sorted(session.items())) == (
        ["a", "b"],
        [1, 2],
        [("a", 1), ("b", 2)],
    )
    assert ("a" in session, session.has_key("b"), session.is_empty()) == (True, True, False)
    session.clear()
    assert (list(session.items()), session.accessed, session.modified) == ([], True, True)


def test_save_and_delete_make_and_end_what_exists(session: Any) -> None:
    """And a key that nobody has does not exist."""
    session.save()
    key = session.session_key
    assert session.exists(key)
    session.delete(key)
    assert not session.exists(key)
    assert not session.exists(None)
    assert not session.exists("")


def test_flush_ends_the_session_and_forgets_its_key(session: Any) -> None:
    """The next save has another key."""
    session["foo"] = "bar"
    session.save()
    key = session.session_key
    session.flush()
    assert (session.exists(key), session.session_key, session.modified, session.accessed) == (
        False,
        None,
        True,
        True,
    )


def test_cycle_changes_the_key_and_keeps_the_data(session: Any) -> None:
    """Also when nothing of the session was read before."""
    session["a"], session["b"] = "c", "d"
    session.save()
    before = session.session_key
    again = _session(before)
    again.cycle_key()
    assert not again.exists(before)
    assert again.session_key != before
    assert dict(_session(again.session_key).items()) == {"a": "c", "b": "d"}


def test_save_does_not_clear_the_data(session: Any) -> None:
    """Reading goes on."""
    session["a"] = "b"
    session.save()
    assert session["a"] == "b"


@pytest.mark.parametrize("key", ["1", "", "1234567", None])
def test_key_that_is_none_gives_another_key_when_saved(key: str | None) -> None:
    """A key is not taken from who asks."""
    session = _session(key)
    session.save()
    assert session.session_key not in (key, None)
    with pytest.raises(AttributeError):
        session.session_key = "x" * 32
    session.delete()


def test_expiry_is_told_in_seconds_and_as_a_date(session: Any, idle_s: int) -> None:
    """By seconds, by a difference, by a date; None and 0 are the default."""
    modification = timezone.now()
    assert session.get_expiry_age() == idle_s
    for given in (10, timedelta(seconds=10), modification + timedelta(seconds=10)):
        session.set_expiry(given)
        assert session.get_expiry_age(modification=modification) in (9, 10)
        assert abs(
            session.get_expiry_date(modification=modification)
            - modification
            - timedelta(seconds=10)
        ) < timedelta(seconds=1)
    for default in (None, 0):
        session.set_expiry(default)
        assert session.get_expiry_age() == idle_s


@pytest.mark.parametrize(("given", "at_close"), [(0, True), (10, False), (None, False)])
def test_zero_ends_with_the_browser(session: Any, given: int | None, at_close: bool) -> None:
    """``set_expiry(0)``."""
    session.set_expiry(given)
    assert session.get_expire_at_browser_close() is at_close


@pytest.mark.parametrize("days", [14, 10_000])
def test_expiry_set_by_others_never_exceeds_the_idle_lifetime(
    session: Any, idle_s: int, days: int
) -> None:
    """django-allauth's 'remember me' sets two weeks:
    a session ends by the contract's setting, its cookie too."""
    session["x"] = 1
    for given in (days * 86_400, timedelta(days=days)):
        session.set_expiry(given)
        session.save()
        assert session.get_expiry_age() == idle_s
        assert session.get_expiry_date() <= timezone.now() + timedelta(seconds=idle_s)


def test_session_that_expired_in_the_past_is_ended_by_its_save(session: Any) -> None:
    """Quietly, whether it was stored before or not; saving it once more is no error either."""
    for _ in range(2):
        session["foo"] = "bar"
        session.set_expiry(-timedelta(seconds=10))
        session.save()
        session.save()
        assert "foo" not in _session(session.session_key)
        session.set_expiry(None)
        session = _session()
        session.save()


def test_loading_an_unknown_session_makes_no_record() -> None:
    """Nor does it keep the key."""
    session = _session("deadbeef" * 4)
    session.load()
    assert (session.exists("deadbeef" * 4), session.session_key) == (False, None)


def test_session_logged_out_elsewhere_is_not_brought_back(session: Any) -> None:
    """Neither by a save nor under a fresh key: what was ended takes its data with it."""
    session["_auth_user_id"] = "1"
    session.save()
    slow, cycling = _session(session.session_key), _session(session.session_key)
    slow["x"] = cycling["x"] = 1
    session.flush()
    with pytest.raises(UpdateError):
        slow.save()
    assert not slow.exists(slow.session_key)
    cycling.cycle_key()
    assert dict(_session(cycling.session_key).items()) == {}


def test_two_requests_at_once_keep_what_each_changed(session: Any) -> None:
    """Set, removed, and the renewal of one that changed nothing;
    of one key the last writer wins."""
    session.update({"cart": [1], "elevated": True, "both": 0, "kind": 1})
    session.save()
    slow, reading, cycling = (_session(session.session_key) for _ in range(3))
    for each in (slow, reading, cycling):
        assert each["elevated"]
    quick = _session(session.session_key)
    quick["cart"] = [1, 2]
    quick["both"], quick["kind"] = 1, True
    del quick["elevated"]
    quick.save()
    slow["own"], slow["both"] = "x", 2
    slow.save()
    reading.save()
    expected = {"cart": [1, 2], "both": 2, "own": "x", "kind": True}
    assert dict(_session(session.session_key).items()) == expected
    assert _session(session.session_key)["kind"] is True
    cycling["late"] = 3
    cycling.cycle_key()
    assert dict(_session(cycling.session_key).items()) == {**expected, "late": 3}
