"""A browser that holds two session cookies is told so, and gets rid of both."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import log_in

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

HTML = {"accept": "text/html,application/xhtml+xml"}
KEYS = ("a" * 32, "b" * 32)


def ask(
    path: str, *, cookies: tuple[str, ...] = KEYS, host: str = "testserver", **headers: str
) -> Any:
    """The answer to a browser that sends these session cookies."""
    from django.test import Client

    header = "; ".join(f"sessionid={value}" for value in cookies)
    return Client(headers={**HTML, **headers}, SERVER_NAME=host).get(path, HTTP_COOKIE=header)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/account/keys/", "/no-such-page"])
def test_two_session_cookies_show_a_page_with_the_way_out(path: str) -> None:
    """On every address: it is a page, it says what happened, and its link ends both."""
    answer = ask(path)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
    assert "two session cookies" in answer.content.decode()
    assert 'href="?end-both-sessions"' in answer.content.decode()
    assert not answer.cookies


@pytest.mark.usefixtures("site")
def test_program_with_two_session_cookies_gets_one_line_of_text() -> None:
    """A program has no use for a page."""
    answer = ask("/account/keys/", accept="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_link_ends_both_sessions_and_expires_every_cookie_that_can_be_meant(
    person: "User", browser: "Client"
) -> None:
    """The browser tells neither Domain nor Path, so each that fits the request is expired;
    the sessions end in Redis too."""
    from django.test import override_settings

    from django_site.sessions.engine import SessionStore

    first = log_in(browser, person)
    second = SessionStore()
    second["cart"] = 1
    second.save()
    keys = (first, str(second.session_key))
    with override_settings(ALLOWED_HOSTS=[".example.org"]):
        answer = ask("/account/keys/?end-both-sessions", cookies=keys, host="shop.example.org")
    assert (answer.status_code, answer["Location"]) == (302, "/account/keys/")
    assert [SessionStore().exists(key) for key in keys] == [False, False]
    expired = {(morsel["domain"], morsel["path"]) for morsel in answer.cookies.values()}
    for domain in ("", "shop.example.org", "example.org"):
        for path in ("/", "/account", "/account/", "/account/keys", "/account/keys/"):
            assert (domain, path) in expired
    assert {
        (morsel.key, morsel.value, morsel["max-age"]) for morsel in answer.cookies.values()
    } == {("sessionid", "", "0")}


@pytest.mark.usefixtures("site")
def test_link_leads_to_no_other_host() -> None:
    """A path with two slashes is this host's, and a browser would not take it so."""
    from django.http import HttpResponse
    from django.test import RequestFactory

    from django_site.sessions.middleware import GatehouseSessionMiddleware

    cookies = "; ".join(f"sessionid={key}" for key in KEYS)
    request = RequestFactory().get("/", headers={"cookie": cookies})
    request.META["QUERY_STRING"] = "end-both-sessions"
    request.path = "//evil.example/"
    answer = GatehouseSessionMiddleware(lambda _: HttpResponse()).process_request(request)
    assert answer is not None
    assert answer["Location"] == "/%2Fevil.example/"


@pytest.mark.usefixtures("site")
def test_link_with_many_cookies_and_a_long_path_stays_small() -> None:
    """What an outsider sends bounds neither the work nor the answer."""
    answer = ask(
        "/" + "a/" * 500 + "?end-both-sessions",
        cookies=tuple(f"{number:032}" for number in range(200)),
    )
    assert len(answer.cookies) <= 40
    assert sum(len(morsel.OutputString()) for morsel in answer.cookies.values()) < 8_192


@pytest.mark.usefixtures("site")
def test_link_with_one_session_cookie_ends_nothing(person: "User", logged_in: "Client") -> None:
    """Another site can't log anyone out with it."""
    assert logged_in.get("/?end-both-sessions").status_code == 200
    assert "Hello," in logged_in.get("/").content.decode()
