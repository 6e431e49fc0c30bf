"""The page of API keys as a person in a browser uses it, and as an attacker does."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from shared.contract.api_keys import is_key
from shared.contract.entries import digest, key_used_entry
from tests.integration.conftest import PASSWORD
from tests.integration.keys.keys_site import grow_old, identify, is_refused, keys_of

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

PAGE = "/account/keys/"
FIELDS = {"name": "nightly", "scopes": ["jobs:read"], "expires_in_days": "30"}


def created(answer: Any) -> str:
    """The key that the page shows."""
    assert answer.status_code == 200, answer.content.decode()
    found = re.search(r'value="(gh_\w+)"', answer.content.decode())
    assert found
    return found[1]


def test_created_key_works_at_once_and_is_shown_once(logged_in: "Client", person: "User") -> None:
    """The gate knows it before the page is read; no later page, row or entry has it."""
    answer = logged_in.post(PAGE, FIELDS)
    token = created(answer)
    assert is_key(token)
    assert "no-store" in answer["Cache-Control"]
    identity = identify(token)
    assert identity.principal.id == str(person.pk)
    assert identity.key is not None
    assert identity.key.scopes == {"jobs:read"}
    assert abs(identity.key.expires_at - time.time() - 30 * 86_400) < 60
    assert token not in logged_in.get(PAGE).content.decode()
    [row] = keys_of(person)
    assert row.token_digest == digest(token)


def test_key_entry_ends_with_the_key(logged_in: "Client") -> None:
    """Redis forgets it by itself."""
    from django_site.contract import session_store
    from shared.contract.entries import key_entry

    token = created(logged_in.post(PAGE, FIELDS))
    ttl_s = session_store().read(lambda client: client.ttl(key_entry(token)))
    assert 0 <= 30 * 86_400 - int(str(ttl_s)) < 60


def test_tasks_become_scopes(logged_in: "Client", person: "User") -> None:
    """Names with spaces or commas between."""
    logged_in.post(PAGE, {**FIELDS, "tasks": "primes.sum, primes.check"})
    assert keys_of(person)[0].scopes == ["jobs:read", "tasks:primes.check", "tasks:primes.sum"]


def test_revoked_key_is_refused_at_once(logged_in: "Client", person: "User") -> None:
    """And no other key with it."""
    first, second = (created(logged_in.post(PAGE, {**FIELDS, "name": name})) for name in ("a", "b"))
    row = next(key for key in keys_of(person) if key.name == "a")
    assert logged_in.post(f"{PAGE}{row.pk}/revoke/")["Location"] == PAGE
    assert is_refused(first)
    assert identify(second)
    assert logged_in.post(f"{PAGE}{row.pk}/revoke/").status_code == 404


def test_revoke_all_ends_every_key_of_the_person_only(
    logged_in: "Client", person: "User", new_person: "Callable[..., User]"
) -> None:
    """Someone else's stay."""
    from django_site.keys.issue import create_key

    tokens = [create_key(person, name=name, scopes=[], expires_in_days=1)[1] for name in "abc"]
    other = create_key(new_person(), name="x", scopes=[], expires_in_days=1)[0]
    assert logged_in.post(f"{PAGE}revoke-all/").status_code == 302
    assert all(is_refused(token) for token in tokens)
    other.refresh_from_db()
    assert other.revoked_at is None


def test_someone_elses_key_is_not_there(
    logged_in: "Client", new_person: "Callable[..., User]"
) -> None:
    """Neither listed nor revocable; alike to one that never was."""
    from django_site.keys.issue import create_key

    key, token = create_key(new_person(), name="not yours", scopes=[], expires_in_days=1)
    assert "not yours" not in logged_in.get(PAGE).content.decode()
    answers = [logged_in.post(f"{PAGE}{id_}/revoke/") for id_ in (key.pk, 10**9, 10**40)]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].content == answers[1].content
    assert identify(token).key is not None


def test_list_shows_the_last_use_and_survives_nonsense_in_it(
    logged_in: "Client", person: "User"
) -> None:
    """What the API notes is displayed, never trusted."""
    from django_site.contract import session_store
    from django_site.keys.issue import create_key

    key, _ = create_key(person, name="a", scopes=[], expires_in_days=1)
    assert "never used" in logged_in.get(PAGE).content.decode()
    entry = key_used_entry(str(key.pk))
    for value, shown in [
        (str(int(time.time()) - 7200), "last used"),
        ("9" * 10, "last used"),
        ("9" * 40, "never used"),
        ("-1", "never used"),
        ("<b>", "never used"),
    ]:
        session_store().write(lambda client, value=value: client.set(entry, value))  # type: ignore[misc]
        answer = logged_in.get(PAGE)
        assert answer.status_code == 200
        assert shown in answer.content.decode(), value


def test_old_log_in_must_be_confirmed_before_a_key_is_made(
    logged_in: "Client", person: "User"
) -> None:
    """A browser left open makes no key; after the password it does."""
    assert "Create key" in logged_in.get(PAGE).content.decode()
    grow_old(logged_in)
    page = logged_in.get(PAGE).content.decode()
    assert "Create key" not in page
    assert 'href="/accounts/reauthenticate/?next=/account/keys/"' in page
    answer = logged_in.post(PAGE, FIELDS)
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Fkeys%2F"
    assert keys_of(person) == []
    assert (
        logged_in.post(answer["Location"], {"password": PASSWORD, "next": PAGE})["Location"] == PAGE
    )
    assert is_key(created(logged_in.post(PAGE, FIELDS)))


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"name": "a\nforged line"},
        {"name": "a\u202eb"},
        {"scopes": ["jobs:everything"]},
        {"scopes": ["jobs:read\n"]},
        {"scopes": ["jobs:read"] * 51},
        {"tasks": "../etc"},
        {"tasks": " ".join(f"a.b{n}" for n in range(51))},
        {"tasks": "x" * 6000},
        {"tasks": "a" * 101},
        {"expires_in_days": "-1"},
        {"expires_in_days": "0"},
        {"expires_in_days": "366"},
        {"expires_in_days": "1e9"},
        {"expires_in_days": "9" * 5000},
        {"expires_in_days": ""},
    ],
)
def test_wrong_field_makes_no_key(
    logged_in: "Client", person: "User", change: dict[str, Any]
) -> None:
    """The form comes back with the reason beside the field."""
    answer = logged_in.post(PAGE, {**FIELDS, **change})
    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.content.decode()
    assert keys_of(person) == []


def test_ten_thousand_scopes_are_refused(logged_in: "Client", person: "User") -> None:
    """Django's own limit of fields stops them."""
    answer = logged_in.post(PAGE, {**FIELDS, "scopes": ["jobs:read"] * 10_000})
    assert answer.status_code == 400
    assert keys_of(person) == []


def test_html_in_a_name_stays_text(logged_in: "Client") -> None:
    """On the page, and in the fields' attributes."""
    page = logged_in.post(PAGE, {**FIELDS, "name": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_fifty_keys_are_the_most(logged_in: "Client", person: "User") -> None:
    """Revoked ones don't count."""
    from django_site.keys.issue import MAX_LIVE, create_key, revoke_keys
    from django_site.keys.models import ApiKey

    for number in range(MAX_LIVE):
        create_key(person, name=str(number), scopes=[], expires_in_days=1)
    answer = logged_in.post(PAGE, FIELDS)
    assert answer.status_code == 422
    assert "which is the most" in answer.content.decode()
    revoke_keys(ApiKey.objects.filter(pk=keys_of(person)[0].pk), by=person)
    assert created(logged_in.post(PAGE, FIELDS))


def test_rows_of_dead_keys_are_kept_to_a_limit(person: "User") -> None:
    """Making and revoking for ever doesn't fill the database."""
    from django_site.keys.issue import MAX_OVER, create_key
    from django_site.keys.models import ApiKey

    past = timezone.now() - timedelta(days=1)
    ApiKey.objects.bulk_create(
        ApiKey(user=person, name="old", token_digest=digest(f"{person.pk}-{n}"), expires_at=past)
        for n in range(MAX_OVER + 20)
    )
    create_key(person, name="new", scopes=[], expires_in_days=1)
    assert len(keys_of(person)) == MAX_OVER + 1


@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("post", ""), ("post", "1/revoke/"), ("post", "revoke-all/")]
)
def test_who_is_not_logged_in_is_sent_to_log_in(browser: "Client", method: str, path: str) -> None:
    """And comes back to the page."""
    answer = getattr(browser, method)(PAGE + path)
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/account/keys/"


@pytest.mark.parametrize("path", ["revoke-all/", "1/revoke/"])
def test_revoking_needs_a_post(logged_in: "Client", path: str) -> None:
    """A link can't do it."""
    assert logged_in.get(PAGE + path).status_code == 405


@pytest.mark.parametrize("path", ["", "1/revoke/", "revoke-all/"])
def test_form_without_cross_site_token_is_refused(site: None, person: "User", path: str) -> None:
    """Another site's form does nothing."""
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    answer = strict.post(PAGE + path, FIELDS)
    assert answer.status_code == 403
    assert b"That form could not be accepted" in answer.content
    assert keys_of(person) == []


def test_key_opens_no_page_and_makes_no_session(browser: "Client", person: "User") -> None:
    """Pages know cookies only: not even the page of keys, in no method or format."""
    from django_site.keys.issue import create_key

    _, token = create_key(person, name="a", scopes=["jobs:read"], expires_in_days=1)
    person.is_staff = person.is_superuser = True
    person.save()
    bearer = {"authorization": f"Bearer {token}"}
    for path in ("/", PAGE, "/account/sessions/", "/accounts/email/", "/admin/"):
        answer = browser.get(path, headers=bearer)
        assert person.username not in answer.content.decode()
        assert answer.status_code == (200 if path == "/" else 302)
        assert "sessionid" not in answer.cookies
    json_answers = [
        browser.get(PAGE, headers={**bearer, "accept": "application/json"}),
        browser.post(PAGE, {"name": "b"}, content_type="application/json", headers=bearer),
        browser.delete(f"{PAGE}1/", headers=bearer),
    ]
    assert [answer.status_code for answer in json_answers] == [401, 401, 401]
    assert "sessionid" not in browser.cookies
    assert len(keys_of(person)) == 1


def test_bad_key_beside_a_good_session_changes_nothing(logged_in: "Client", person: "User") -> None:
    """The site doesn't look at keys at all, so one can't spoil a log-in either."""
    answer = logged_in.get("/", headers={"authorization": "Bearer gh_nonsense"})
    assert person.username in answer.content.decode()


def test_security_log_names_ids_and_never_the_key(
    logged_in: "Client", person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """Created and revoked, who and which."""
    with caplog.at_level("INFO", logger="gatehouse.security"):
        token = created(logged_in.post(PAGE, FIELDS))
        key = keys_of(person)[0]
        logged_in.post(f"{PAGE}{key.pk}/revoke/")
    lines = [record for record in caplog.records if record.name == "gatehouse.security"]
    assert [(line.getMessage(), vars(line)["key_id"], vars(line)["user_id"]) for line in lines] == [
        ("key created", key.pk, str(person.pk)),
        ("key revoked", key.pk, str(person.pk)),
    ]
    assert all(token not in str(vars(record)) for record in caplog.records)
