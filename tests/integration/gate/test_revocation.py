"""What changes on Django's side counts on Flask's next request (P9): no cache, no grace period."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.apps import apps
from django.db import transaction
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import principal_entry, session_entry
from tests.integration.gate.gate_bench import (
    PASSWORD,
    Visitor,
    admin_of,
    ask,
    log_in_again,
    new_visitor,
)

pytestmark = pytest.mark.usefixtures("site")

NEW_PASSWORD = "quite another passphrase 7"


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


def _group(name: str) -> Any:
    return apps.get_model("auth", "Group").objects.create(name=name)


def _view_user() -> Any:
    return apps.get_model("auth", "Permission").objects.get(codename="view_user")


def status(api: Flask, visitor: Visitor) -> int:
    """Return how the API answers this visitor."""
    return ask(api, "/api/me", cookie=visitor.cookie).status_code


def shown(api: Flask, visitor: Visitor, member: str) -> Any:
    """Return one member of /api/me."""
    answer = ask(api, "/api/me", cookie=visitor.cookie)
    assert answer.status_code == 200
    return answer.get_json()[member]


def test_log_out_ends_this_session_and_no_other(api: Flask, admin: redis.Redis) -> None:
    """The cookie of the browser that logged out is worth nothing;
    the person's other browser stays logged in."""
    visitor = new_visitor()
    here = log_in_again(visitor.person)
    assert here.browser.post("/accounts/logout/").status_code == 302
    assert (status(api, here), status(api, visitor)) == (401, 200)
    assert admin.exists(session_entry(here.cookie)) == 0


def test_password_change_on_the_page_ends_every_other_session(api: Flask) -> None:
    """The browser that changed it goes on under a new key; every other one is refused at once."""
    here = new_visitor(by_form=True)
    elsewhere = log_in_again(here.person)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    answer = here.browser.post("/accounts/password/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    assert status(api, elsewhere) == 401
    assert (
        status(api, Visitor(here.person, here.browser, here.browser.cookies["sessionid"].value))
        == 200
    )


def _set_password(person: Any) -> None:
    person.set_password(NEW_PASSWORD)
    person.save()


def _deactivate(person: Any) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])


def _delete(person: Any) -> None:
    person.delete()


def _delete_by_query(person: Any) -> None:
    type(person).objects.filter(pk=person.pk).delete()


@pytest.mark.parametrize("change", [_set_password, _deactivate, _delete, _delete_by_query])
def test_person_who_may_no_longer_is_refused_on_the_next_request(
    api: Flask, change: Callable[[Any], None]
) -> None:
    """In every browser, by both sides alike, and in an API that answered them a moment ago."""
    visitor = new_visitor()
    other = log_in_again(visitor.person)
    assert (status(api, visitor), status(api, other)) == (200, 200)
    change(visitor.person)
    assert (status(api, visitor), status(api, other)) == (401, 401)
    assert visitor.person.username not in visitor.browser.get("/").content.decode()
    assert status(api, visitor) == 401


def test_reactivated_person_is_known_again(api: Flask) -> None:
    """Nothing remembers a refusal."""
    visitor = new_visitor()
    _deactivate(visitor.person)
    assert status(api, visitor) == 401
    visitor.person.is_active = True
    visitor.person.save()
    assert status(api, visitor) == 200


def test_demotion_shows_at_once(api: Flask) -> None:
    """Staff and superuser rights are gone with the next request."""
    visitor = new_visitor(is_staff=True, is_superuser=True)
    assert shown(api, visitor, "is_staff")
    assert len(shown(api, visitor, "permissions")) > 10
    visitor.person.is_staff = visitor.person.is_superuser = False
    visitor.person.save()
    assert not shown(api, visitor, "is_staff")
    assert not shown(api, visitor, "is_superuser")
    assert shown(api, visitor, "permissions") == []


def test_permission_given_and_taken_shows_at_once(api: Flask) -> None:
    """From the person's side and from the permission's."""
    visitor = new_visitor()
    permission = _view_user()
    name = "accounts.view_user"
    visitor.person.user_permissions.add(permission)
    assert shown(api, visitor, "permissions") == [name]
    visitor.person.user_permissions.remove(permission)
    assert shown(api, visitor, "permissions") == []
    permission.user_set.add(visitor.person)
    assert shown(api, visitor, "permissions") == [name]
    permission.user_set.clear()
    assert shown(api, visitor, "permissions") == []


def test_renamed_and_deleted_permission_shows_at_once(api: Flask) -> None:
    """A codename that is taken away from a permission is taken away from whoever holds it."""
    visitor = new_visitor()
    permission = apps.get_model("auth", "Permission").objects.create(
        codename="read_paper", name="Can read the paper", content_type=_view_user().content_type
    )
    visitor.person.user_permissions.add(permission)
    assert shown(api, visitor, "permissions") == ["accounts.read_paper"]
    permission.codename = "burn_paper"
    permission.save()
    assert shown(api, visitor, "permissions") == ["accounts.burn_paper"]
    permission.delete()
    assert shown(api, visitor, "permissions") == []


def test_group_and_what_it_may_show_at_once(api: Flask) -> None:
    """Joining, the group's own permissions, its name, and its end:
    each is seen on the next request."""
    visitor, name = new_visitor(), "accounts.view_user"
    permission = _view_user()
    group = _group(f"analysts of {visitor.person.username}")
    visitor.person.groups.add(group)
    assert (shown(api, visitor, "groups"), shown(api, visitor, "permissions")) == ([group.name], [])
    group.permissions.add(permission)
    assert shown(api, visitor, "permissions") == [name]
    group.permissions.clear()
    assert shown(api, visitor, "permissions") == []
    group.permissions.set([permission])
    assert shown(api, visitor, "permissions") == [name]
    group.name = f"renamed {group.name}"
    group.save()
    assert shown(api, visitor, "groups") == [group.name]
    group.delete()
    assert (shown(api, visitor, "groups"), shown(api, visitor, "permissions")) == ([], [])


def test_member_removed_from_the_groups_side_shows_at_once(api: Flask) -> None:
    """``group.user_set`` is what the admin's pages of other sites use."""
    first, second = new_visitor(), new_visitor()
    group = _group(f"crew of {first.person.username}")
    group.user_set.add(first.person, second.person)
    assert shown(api, first, "groups") == shown(api, second, "groups") == [group.name]
    group.user_set.remove(first.person)
    assert (shown(api, first, "groups"), shown(api, second, "groups")) == ([], [group.name])
    group.user_set.clear()
    assert shown(api, second, "groups") == []


def test_name_and_e_mail_change_show_at_once(api: Flask) -> None:
    """And the new address is unverified until its owner confirms it."""
    from allauth.account.models import EmailAddress

    visitor = new_visitor()
    address = EmailAddress.objects.get(user=visitor.person)
    assert shown(api, visitor, "email_verified")
    visitor.person.email = f"new-{visitor.person.email}"
    visitor.person.username = f"new-{visitor.person.username}"
    visitor.person.save()
    assert shown(api, visitor, "email") == visitor.person.email
    assert shown(api, visitor, "username") == visitor.person.username
    assert not shown(api, visitor, "email_verified")
    address.email = visitor.person.email
    address.save()
    assert shown(api, visitor, "email_verified")
    address.delete()
    assert not shown(api, visitor, "email_verified")


def test_rolled_back_transaction_publishes_nothing(api: Flask, admin: redis.Redis) -> None:
    """What the database forgot, the API never saw: not during the transaction, not after it."""
    visitor = new_visitor()
    before = admin.get(principal_entry(str(visitor.person.pk)))
    during: list[int] = []

    def change_then_fail() -> None:
        with transaction.atomic():
            visitor.person.is_active = False
            visitor.person.is_superuser = True
            visitor.person.save()
            during.append(status(api, visitor))
            raise RuntimeError("roll back")

    with pytest.raises(RuntimeError, match="roll back"):
        change_then_fail()
    assert during == [200]
    assert status(api, visitor) == 200
    assert admin.get(principal_entry(str(visitor.person.pk))) == before


def test_committed_transaction_publishes_its_end_only(api: Flask) -> None:
    """Two changes in one transaction: the API sees the last one, after the commit."""
    visitor = new_visitor()
    with transaction.atomic():
        visitor.person.is_staff = True
        visitor.person.save()
        assert not shown(api, visitor, "is_staff")
        visitor.person.is_active = False
        visitor.person.save()
        assert status(api, visitor) == 200
    assert status(api, visitor) == 401


@pytest.mark.parametrize("damage", [None, b"not ours", b"\x80\x05pickle"])
def test_missing_principal_is_healed_by_the_next_django_page(
    api: Flask, admin: redis.Redis, damage: bytes | None
) -> None:
    """After a flushed Redis the API refuses, one page of Django publishes the person,
    and the same cookie works again."""
    visitor = new_visitor()
    entry = principal_entry(str(visitor.person.pk))
    admin.delete(entry)
    if damage is not None:
        admin.set(entry, damage)
    assert status(api, visitor) == 401
    page = visitor.browser.get("/")
    assert page.status_code == 200
    assert visitor.person.username in page.content.decode()
    assert status(api, visitor) == 200


def test_browser_with_a_missing_principal_is_in_no_redirect_loop(
    api: Flask, admin: redis.Redis
) -> None:
    """Flask sends it to the log-in page, Django knows it and sends it back,
    and Flask lets it in."""
    visitor = new_visitor()
    admin.delete(principal_entry(str(visitor.person.pk)))
    first = ask(api, "/api/me", cookie=visitor.cookie, headers={"Accept": "text/html"})
    assert first.status_code == 302
    second = visitor.browser.get(first.headers["Location"])
    assert (second.status_code, second["Location"]) == (302, "/api/me")
    assert (
        ask(api, "/api/me", cookie=visitor.cookie, headers={"Accept": "text/html"}).status_code
        == 200
    )


def test_deactivated_person_is_not_healed(api: Flask, admin: redis.Redis) -> None:
    """A missing principal of somebody who may not log in stays missing,
    whatever pages they ask for."""
    visitor = new_visitor()
    _deactivate(visitor.person)
    admin.delete(principal_entry(str(visitor.person.pk)))
    visitor.browser.get("/")
    assert status(api, visitor) == 401
