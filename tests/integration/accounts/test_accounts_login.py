"""Logging in and out on the site's pages."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings
from django.test.utils import override_script_prefix

from tests.integration.accounts.accounts_site import browser, is_logged_in, log_in, new_person, post


@pytest.fixture(autouse=True)
def _no_limit_used_up(site: None) -> Iterator[None]:
    """Rate limits start afresh, for this test and for the one after it."""
    cache.clear()
    yield
    cache.clear()


def test_right_password_logs_in_by_username_in_any_case_and_by_email() -> None:
    """A person may type the username in another case, or the e-mail address."""
    person = new_person()
    for login in (person.username, person.username.upper(), person.email):
        client = browser()
        answer = post(
            client, "/accounts/login/", {"login": login, "password": "correct horse battery 9"}
        )
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert is_logged_in(client)


def test_wrong_password_stays_on_the_page_and_says_the_same_as_for_an_unknown_name() -> None:
    """Neither answer tells whether the account exists."""
    person, pages = new_person(), []
    for name in (person.username, "nobody-of-this-name"):
        client = browser()
        answer = post(client, "/accounts/login/", {"login": name, "password": "wrong"})
        assert answer.status_code == 200
        assert not is_logged_in(client)
        pages.append("not correct" in answer.content.decode())
    assert pages == [True, True]


@pytest.mark.parametrize(
    ("changes", "path"),
    [({}, "/tools"), ({"cookie_path": "/"}, "/"), ({"cookie_domain": "localhost"}, "/")],
)
def test_cookies_have_the_mount_or_the_setting_as_their_path(
    changes: dict[str, str], path: str
) -> None:
    """A setting widens it, and so does a domain:
    services on other hosts have paths of their own."""
    with (
        override_settings(SITE=settings.SITE.model_copy(update=changes)),
        override_script_prefix("/tools/"),
    ):
        answer = browser().get("/accounts/login/")
    assert answer.cookies["csrftoken"]["path"] == path


def test_anonymous_visitor_gets_no_session() -> None:
    """Looking at the open pages, or failing to log in, leaves no session cookie."""
    client = browser()
    for path in (
        "/",
        "/accounts/login/?next=/api/me",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/nothing-here",
    ):
        client.get(path)
    post(client, "/accounts/login/", {"login": "nobody", "password": "wrong"})
    assert "sessionid" not in client.cookies


def test_too_many_wrong_passwords_lock_the_account_for_their_network() -> None:
    """After five failures the right password is refused too, from every address near by."""
    person = new_person()
    for number in range(5):
        log_in(browser(REMOTE_ADDR=f"192.0.2.{number}"), person, password="wrong")
    client = browser(REMOTE_ADDR="192.0.2.99")
    answer = log_in(client, person)
    assert "Too many failed login attempts" in answer.content.decode()
    assert not is_logged_in(client)


def test_one_address_that_tries_many_accounts_is_stopped_whatever_it_forwards() -> None:
    """X-Forwarded-For is the client's own word while no proxy is trusted:
    it opens no fresh allowance."""
    statuses = [
        post(
            browser(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}"),
            "/accounts/login/",
            {"login": f"nobody-{number}", "password": "wrong"},
        ).content.decode()
        for number in range(11)
    ]
    assert "Too many failed login attempts" in statuses[-1]
    assert "Too many failed login attempts" not in statuses[0]


def test_many_log_in_requests_from_one_address_get_429_with_retry_after() -> None:
    """The plain limit per address answers with our page."""
    client = browser()
    answers = [post(client, "/accounts/login/", {}) for _ in range(31)]
    assert answers[0].status_code == 200
    assert (answers[-1].status_code, answers[-1]["Retry-After"]) == (429, "60")
    assert "That was too often" in answers[-1].content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:/\\evil.example",
        "http:///evil.example",
        "/\t/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://localhost:5000@evil.example/",
        "http://evil.example#@localhost/",
        "http://evil.example\\@localhost/",
        "ftp://localhost/",
        "//localhost:5000/",
    ],
)
def test_next_to_another_host_is_ignored(target: str) -> None:
    """No log-in page of ours sends people to sites that it doesn't list,
    also where it serves under any host."""
    person, client = new_person(), browser()
    with override_settings(ALLOWED_HOSTS=["localhost", "*"]):
        answer = post(
            client,
            "/accounts/login/",
            {"login": person.username, "password": "correct horse battery 9", "next": target},
        )
    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "target",
    ["http://localhost:5000/report?a=b", "http://127.0.0.1:8000/", "http://a.services.example/x"],
)
def test_next_to_a_listed_host_is_followed(target: str) -> None:
    """A service on another host or port sends its people here,
    and the page's policy lets the form lead back."""
    person, client = new_person(), browser()
    with override_settings(ALLOWED_HOSTS=["localhost", "127.0.0.1", ".services.example", "*"]):
        page = client.get("/accounts/login/", {"next": target})
        answer = post(
            client,
            "/accounts/login/",
            {"login": person.username, "password": "correct horse battery 9", "next": target},
        )
    assert (answer.status_code, answer["Location"]) == (302, target)
    assert (
        f"form-action 'self' {urlsplit(target).scheme}://{urlsplit(target).netloc};"
        in page["Content-Security-Policy"]
    )


def test_next_adds_nothing_to_the_policy_but_an_origin() -> None:
    """What stands behind the port of this very host would begin a directive of its own."""
    for host in ("localhost", "testserver", "127.0.0.1"):
        with override_settings(ALLOWED_HOSTS=["*"]):
            page = browser().get(
                "/accounts/login/",
                {"next": f"http://{host}:80;script-src-elem *"},
                headers={"Host": host},
            )
        assert page.status_code == 200
        assert "script-src-elem" not in page["Content-Security-Policy"]


def test_next_on_this_host_is_followed() -> None:
    """Someone sent here by the API goes back there."""
    person, client = new_person(), browser()
    page = client.get("/accounts/login/?next=/api/jobs%3Fstatus%3Drunning").content.decode()
    assert 'name="next" value="/api/jobs?status=running"' in page
    answer = post(
        client,
        "/accounts/login/",
        {
            "login": person.username,
            "password": "correct horse battery 9",
            "next": "/api/jobs?status=running",
        },
    )
    assert answer["Location"] == "/api/jobs?status=running"


def test_session_key_changes_at_log_in() -> None:
    """A key planted in the browser before is not the one that is logged in (fixation)."""
    person, client = new_person(), browser()
    planted = "a" * 32
    client.cookies["sessionid"] = planted
    log_in(client, person)
    assert client.cookies["sessionid"].value != planted


def test_log_out_by_get_is_refused_and_by_post_works() -> None:
    """An image on another site can't log anybody out."""
    person, client = new_person(), browser()
    log_in(client, person)
    assert client.get("/accounts/logout/").status_code == 200
    assert is_logged_in(client)
    assert post(client, "/accounts/logout/").status_code == 302
    assert not is_logged_in(client)


def test_log_out_without_the_forms_token_is_refused() -> None:
    """A form on another site can't either."""
    person, client = new_person(), browser()
    log_in(client, person)
    answer = client.post("/accounts/logout/")
    assert answer.status_code == 403
    assert "That form could not be accepted" in answer.content.decode()
    assert is_logged_in(client)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("login_required", "Please log in to see that page"),
        ("recent_login_required", "fresh log-in"),
    ],
)
def test_log_in_page_says_why_one_was_sent_there(reason: str, words: str) -> None:
    """The reason is a code in the address; the words are ours."""
    assert words in browser().get(f"/accounts/login/?reason={reason}").content.decode()


def test_unknown_reason_shows_nothing_of_it() -> None:
    """Nobody can put words on our log-in page."""
    page = browser().get("/accounts/login/?reason=call+0800-evil").content.decode()
    assert "evil" not in page
    assert 'class="note' not in page


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("recent_login_required", "/accounts/reauthenticate/"),
        ("email_unverified", "/accounts/email/"),
        ("permission_denied", "/"),
    ],
)
def test_who_is_logged_in_is_sent_to_the_remedy_and_not_back(reason: str, remedy: str) -> None:
    """Back to the API at once would be a redirect loop."""
    from django_site.accounts.views import REASONS

    person, client = new_person(), browser()
    log_in(client, person)
    answer = client.get(f"/accounts/login/?reason={reason}&next=/api/me")
    assert (answer.status_code, answer["Location"]) == (302, f"{remedy}?next=%2Fapi%2Fme")
    assert str(REASONS[reason]) in client.get(answer["Location"]).content.decode()


def test_inactive_person_can_not_log_in() -> None:
    """The right password of a deactivated account opens nothing."""
    person, client = new_person(is_active=False), browser()
    log_in(client, person)
    assert not is_logged_in(client)
