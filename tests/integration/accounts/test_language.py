"""In which language a page is, and who keeps the choice."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.integration.accounts.accounts_site import browser, log_in, mails_to, new_person, post
from tests.integration.conftest import PASSWORD

if TYPE_CHECKING:
    from django_site.accounts.models import User

pytestmark = pytest.mark.usefixtures("site")
COOKIE = "gatehouse_language"
GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


def test_page_is_in_the_language_that_the_browser_asks_for() -> None:
    """It says so, and on what it depends; of an unknown language, or none, it is English."""
    answer = browser().get("/", headers=GERMAN)
    page = answer.content.decode()
    assert '<html lang="de">' in page
    assert "Eine Anmeldung für alle Dienste dahinter" in page
    assert 'src="/static/gatehouse/words/de.js"' in page
    assert answer["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].replace(" ", "").split(","))
    for asked in ({}, {"accept-language": "xx"}, {"accept-language": "q" * 5_000}):
        page = browser().get("/", headers=asked).content.decode()
        assert '<html lang="en">' in page
        assert "words/" not in page


def test_e_mail_is_spelled_alike_in_texts_of_others() -> None:
    """Those of Django and django-allauth stand beside ours, on one page."""
    client = browser()
    pages = ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"]
    found = [client.get(path).content.decode() for path in pages]
    found.append(post(client, pages[1], {"email": "none"}).content.decode())
    log_in(client, new_person())
    found += [client.get(path).content.decode() for path in ("/", "/accounts/email/")]
    found.append(post(client, "/accounts/email/", {"action_add": "", "email": ""}).content.decode())
    for page in found:
        assert re.findall(r"[^<>]*\b[Ee]mail\b[^<>]*(?=<)", page) == []
    assert "E-mail" in found[-1]


def test_german_of_others_is_as_polite_as_ours() -> None:
    """Who resets a password is not called "du" by one text, and "Sie" by the next."""
    client = browser(HTTP_ACCEPT_LANGUAGE="de")
    paths = ["/accounts/password/reset/", "/accounts/password/reset/done/", "/accounts/signup/"]
    found = [client.get(path).content.decode() for path in paths]
    log_in(client, new_person())
    found += [client.get(path).content.decode() for path in (paths[0], "/accounts/email/")]
    for page in found:
        assert re.findall(r"[^<>]*\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]ein\w*)\b[^<>]*(?=<)", page) == []
    assert "Sie sind bereits als" in found[3]


def test_scripts_of_a_region_speak_the_language_they_have() -> None:
    """As Django's own texts do: a region's own words, else the language's."""
    from django.utils.translation import override

    from django_site.language.tags import script_words

    for language, name in (("de-at", "words/de.js"), ("de", "words/de.js"), ("en-gb", "")):
        with override(language):
            words = script_words()
            assert name in words if name else words == "", language


def test_page_of_an_outer_middleware_is_not_in_the_language_of_who_came_before() -> None:
    """The thread is the same; the session is not read yet when such a page is made."""
    asked = {"accept": "text/html", "cookie": "sessionid=a; sessionid=b"}
    assert "Zwei Sitzungen" in browser().get("/", headers={**asked, **GERMAN}).content.decode()
    assert "Two sessions" in browser().get("/", headers=asked).content.decode()


def test_visitor_chooses_by_a_form_and_comes_back() -> None:
    """The cookie lasts, scripts can't read it, and it counts more than what the browser asks for;
    what is no language changes nothing."""
    visitor = browser()
    page = visitor.get("/language/", HTTP_REFERER="http://localhost/accounts/signup/?next=/x")
    assert 'name="next" value="/accounts/signup/?next=/x"' in page.content.decode()
    answer = post(visitor, "/language/", {"language": "de", "next": "/accounts/signup/?next=/x"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/signup/?next=/x")
    cookie = answer.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "Lax")
    assert cookie["max-age"] > 300 * 86_400
    assert "Registrieren" in visitor.get("/accounts/signup/").content.decode()
    assert COOKIE not in post(visitor, "/language/", {"language": "xx"}).cookies


def test_choice_needs_its_form_and_leads_nowhere_else() -> None:
    """Another site can neither change the language nor use it to lead on."""
    visitor = browser()
    assert visitor.post("/language/", {"language": "de"}).status_code == 403
    for way in ("https://evil.example/", "//evil.example/", "/\\evil.example", ""):
        assert post(visitor, "/language/", {"language": "de", "next": way})["Location"] == "/"
    page = visitor.get("/language/", HTTP_REFERER="https://evil.example/there")
    assert "evil" not in page.content.decode()


def test_choice_of_a_person_is_theirs_on_every_browser_and_in_mails(
    new_person_with_key: "Callable[[], User]",
) -> None:
    """Kept with the account: a browser that never chose has it from the log-in on."""
    person = new_person_with_key()
    first, second = browser(), browser()
    log_in(first, person, password=PASSWORD)
    post(first, "/language/", {"language": "de"})
    log_in(second, person, password=PASSWORD)
    assert "Hallo," in second.get("/").content.decode()
    assert "de" in second.cookies[COOKIE].value
    from django_site.keys.issue import revoke_keys
    from django_site.keys.models import ApiKey

    revoke_keys(ApiKey.objects.of(person), by=person)
    last = mails_to(person.email)[-1].get_payload(decode=True)
    assert isinstance(last, bytes)
    assert "Diese Ihrer API-Schlüssel wurden widerrufen" in last.decode()


@pytest.fixture
def new_person_with_key(new_person: "Callable[..., User]") -> "Callable[[], User]":
    """A function that creates a person with an API key."""

    def create() -> "User":
        from django_site.keys.issue import create_key

        person = new_person()
        create_key(person, name="nightly", scopes=["jobs:read"], expires_in_days=9)
        return person

    return create


def test_program_gets_problems_in_english() -> None:
    """They are a contract, whatever language its library asks for."""
    person, client = new_person(), browser()
    log_in(client, person)
    body = '{"name": "x", "scopes": ["no"], "expires_in_days": 1}'
    answer = client.post(
        "/account/keys/",
        body,
        content_type="application/json",
        headers={"x-csrftoken": client.cookies["csrftoken"].value, **GERMAN},
    )
    assert answer.status_code == 422
    assert "There is a scope that does not exist" in answer.content.decode()
