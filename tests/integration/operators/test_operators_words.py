"""What pages say beside an operator's: which entry of the menu is current, and in what language."""

import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from shared.http.beside import API

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_site.accounts.models import User

pytestmark = pytest.mark.usefixtures("site")


def _current(path: str, person: "User", operators: str) -> list[str]:
    """Return the current entries of the menu, with the pages of operators below this prefix, or
    without them."""
    from django.template import engines
    from django.test import RequestFactory, override_settings
    from django.urls import include
    from django.urls import path as route

    from django_site.urls import urlpatterns

    addresses: Any = ModuleType("addresses")
    addresses.urlpatterns = [each for each in urlpatterns if "operators" not in str(each.pattern)]
    if operators:
        addresses.urlpatterns.append(route(operators, include("django_site.operators.urls")))
    with override_settings(ROOT_URLCONF=addresses):
        request = RequestFactory().get(path)
        request.user, request.META[API] = person, "here"
        page = engines["django"].from_string("{% extends 'base.html' %}").render({}, request)
    return re.findall(r'aria-current="page">([^<]*)<', page)


def test_one_entry_is_current_wherever_the_pages_of_operators_are(
    new_person: "Callable[..., User]",
) -> None:
    """Everybody's jobs are none of one's own; without those pages the rest is as ever."""
    staff = new_person(is_staff=True, is_superuser=True)
    for operators in ("operators/", "desk/"):
        assert _current(f"/{operators}jobs/", staff, operators) == ["Operators"]
        assert _current("/jobs/", staff, operators) == ["Jobs"]
        assert _current("/batches/x/", staff, operators) == ["Jobs"]
    assert _current("/jobs/", new_person(), "operators/") == ["Jobs"]
    assert _current("/jobs/", staff, "") == ["Jobs"]
    assert _current("/tasks/", staff, "") == ["Tasks"]


def test_reason_of_the_api_is_in_its_own_language() -> None:
    """What an operator did has words here; of all else a screen reader is told that it is English."""
    from django.utils.translation import override

    from django_site.operators.templatetags.operators import held_by

    with override("de"):
        assert held_by("an operator has paused it") == "Von einem Betreuer angehalten"
        other = held_by("no worker runs <b>\u202e")
    assert other == '<span lang="en">No worker runs &lt;b&gt;⟨U+202E⟩</span>'


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("gatehouse_submitting/outboxjob/", ("Postausgang", "Einzureichende Aufträge")),
        ("gatehouse_keys/apikey/", ("API-Schlüssel widerrufen", "Zuletzt benutzt")),
        ("account/emailaddress/", ("E-Mail-Adressen als bestätigt markieren", "Personen")),
    ],
)
def test_admins_own_words_are_in_the_language_of_the_page(
    new_person: "Callable[..., User]", browser: Any, page: str, said: tuple[str, ...]
) -> None:
    """What things are called, and what can be done with those that are chosen."""
    from allauth.account.models import EmailAddress

    from django_site.keys.issue import create_key

    staff = new_person(is_staff=True, is_superuser=True)
    EmailAddress.objects.get_or_create(user=staff, email=staff.email)
    create_key(staff, name="of the admin", scopes=["jobs:read"], expires_in_days=1)
    browser.force_login(staff)
    words = browser.get(f"/admin/{page}", headers={"accept-language": "de"}).content.decode()
    assert [each for each in said if each not in words] == []
