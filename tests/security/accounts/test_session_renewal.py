"""A page that renews a session writes back nothing that it only read,
and brings no ended session back."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from shared.contract.session import USER_ID

pytestmark = pytest.mark.usefixtures("site")


def _store(key: str | None = None) -> Any:
    from django_site.sessions.engine import SessionStore

    return SessionStore(key)


@pytest.fixture
def key() -> str:
    """The key of a session that is due to be renewed: it was never seen."""
    session = _store()
    session.update({USER_ID: "1", "cart": [1], "elevated": True})
    session.save()
    return str(session.session_key)


def _page(key: str, view: Callable[[HttpRequest], object], **headers: str) -> HttpResponse:
    """Ask for a page with this session."""
    from django_site.sessions.middleware import GatehouseSessionMiddleware

    def answer(request: HttpRequest) -> HttpResponse:
        view(request)
        return HttpResponse()

    request = RequestFactory().get("/", headers={"cookie": f"sessionid={key}", **headers})
    return GatehouseSessionMiddleware(answer)(request)  # type: ignore[return-value]


def _change_elsewhere(key: str) -> None:
    other = _store(key)
    other["cart"] = [1, 2]
    del other["elevated"]
    other.save()


def test_renewal_keeps_what_another_request_wrote_meanwhile(key: str) -> None:
    """The slow page only read; the cookie's life and the session's are renewed all the same."""
    answer = _page(key, lambda _request: _change_elsewhere(key))
    session = _store(key)
    assert (session["cart"], session.get("elevated")) == ([1, 2], None)
    assert session["_gatehouse_seen"]["at"] <= time.time()
    assert "sessionid" in answer.cookies


def test_slow_page_writes_only_what_it_changed(key: str) -> None:
    """Its own change is kept beside the other's."""

    def slow(request: HttpRequest) -> None:
        request.session["note"] = "x"
        _change_elsewhere(key)

    _page(key, slow)
    session = _store(key)
    assert (session["cart"], session.get("elevated"), session["note"]) == ([1, 2], None, "x")


def test_log_out_during_a_slow_page_is_final(key: str) -> None:
    """The page is shown, no cookie is set and nothing is stored."""
    answer = _page(key, lambda _request: _store(key).delete())
    assert (answer.status_code, list(answer.cookies)) == (200, [])
    assert not _store().exists(key)


def test_note_of_the_future_does_not_hold_up_the_renewal(key: str) -> None:
    """The clock was a day ahead when the person logged in."""
    session = _store(key)
    session["_gatehouse_seen"] = {"at": int(time.time()) + 86_400}
    session.save()
    _page(key, lambda _request: None)
    assert _store(key)["_gatehouse_seen"]["at"] <= time.time()


def test_session_that_a_page_ends_by_its_expiry_ends_quietly(key: str) -> None:
    """``set_expiry`` in the past is no bad request."""
    answer = _page(key, lambda request: request.session.set_expiry(-10))
    assert answer.status_code == 200
    assert not _store().exists(key)


def test_page_that_brings_itself_up_to_date_renews_nothing(key: str) -> None:
    """A browser that nobody sits at is logged out when its time is over, whatever it shows."""
    answer = _page(key, lambda _request: None, **{"x-gatehouse-background": "1"})
    assert "_gatehouse_seen" not in _store(key).load()
    assert "sessionid" not in answer.cookies
