"""Staff who may change people can't make themselves, or anyone, more powerful than they are."""

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.security.accounts.staff_bench import (
    ADDRESSES,
    FACTORS,
    GROUPS,
    KEYS,
    NEW_PASSWORD,
    PEOPLE,
    boss,
    clerk,
    colleague,
    desk,
    form_of,
    new_group,
    powers,
)

__all__ = ["boss", "clerk", "colleague", "desk"]

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User


def test_staff_changes_a_persons_name_and_no_field_of_power(
    desk: "Client", clerk: "User", person: "User"
) -> None:
    """Neither for somebody else nor for themselves, whatever the form brings."""
    group = new_group("delete_logentry")
    power = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": str(group.pk),
        "user_permissions": "1",
    }
    for target in (person, clerk):
        before = powers(target)
        answer = desk.post(
            f"{PEOPLE}{target.pk}/change/", form_of(target, first_name="Ada", **power)
        )
        assert answer.status_code == 302, answer.content.decode()
        assert powers(target) == before
        assert target.first_name == "Ada"


def test_superuser_still_gives_power(browser: "Client", boss: "User", person: "User") -> None:
    """The form works for whom it is for."""
    browser.force_login(boss)
    answer = browser.post(
        f"{PEOPLE}{person.pk}/change/", form_of(person, is_staff="on", is_superuser="on")
    )
    assert answer.status_code == 302, answer.content.decode()
    assert powers(person)[:2] == (True, True)


@pytest.mark.parametrize("target", ["boss", "colleague"])
def test_stronger_persons_row_is_out_of_reach_by_form_password_and_deletion(
    desk: "Client", target: str, request: pytest.FixtureRequest
) -> None:
    """A superuser, and a colleague who may do more: whoever sets their password acts as them."""
    stronger: User = request.getfixturevalue(target)
    before = stronger.password
    passwords = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    tries = [
        desk.post(f"{PEOPLE}{stronger.pk}/change/", form_of(stronger, email="mine@example.org")),
        desk.post(f"{PEOPLE}{stronger.pk}/password/", passwords),
        desk.post(f"{PEOPLE}{stronger.pk}/delete/", {"post": "yes"}),
        desk.post(
            PEOPLE,
            {"action": "delete_selected", "_selected_action": [str(stronger.pk)], "post": "yes"},
        ),
    ]
    assert [answer.status_code for answer in tries] == [403] * len(tries)
    stronger.refresh_from_db()
    assert stronger.password == before
    assert stronger.email != "mine@example.org"


def test_group_is_power_that_staff_must_share(
    desk: "Client", clerk: "User", person: "User"
) -> None:
    """A service opens to a group by its name, which needs no permission of Django's."""
    group = new_group()
    person.groups.add(group)
    assert desk.get(f"{PEOPLE}{person.pk}/password/").status_code == 403
    clerk.groups.add(group)
    assert desk.get(f"{PEOPLE}{person.pk}/password/").status_code == 200


def test_deactivated_persons_power_counts(desk: "Client", colleague: "User") -> None:
    """They may be activated again, with the password that was set meanwhile."""
    colleague.is_active = False
    colleague.save()
    assert desk.get(f"{PEOPLE}{colleague.pk}/password/").status_code == 403


def test_editable_list_of_a_site_gives_no_power(
    desk: "Client", clerk: "User", boss: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django asks an editable list for no permission on the row and for no read-only field:
    the rule stands below it."""
    from django.contrib import admin

    from django_site.accounts.models import User

    monkeypatch.setattr(admin.site._registry[User], "list_editable", ("is_superuser", "email"))
    monkeypatch.setattr(
        admin.site._registry[User], "list_display", ("username", "is_superuser", "email")
    )
    for target, fields in (
        (clerk, {"form-0-is_superuser": "on"}),
        (boss, {"form-0-email": "mine@example.org"}),
    ):
        head = {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1",
            "form-0-id": str(target.pk),
            "_save": "Save",
        }
        sent = {**head, "form-0-email": target.email, **fields}
        if target is boss:
            sent["form-0-is_superuser"] = "on"
        answer = desk.post(f"{PEOPLE}?q={target.username}", sent)
        assert answer.status_code == 403
        target.refresh_from_db()
        assert target.email != "mine@example.org"
        assert target.is_superuser == (target is boss)


def test_groups_give_nothing_that_the_member_of_staff_lacks(desk: "Client", clerk: "User") -> None:
    """By a new group, by a group they are in, by its name, and not by deleting a stronger one."""
    from django.contrib.auth.models import Permission

    strong = Permission.objects.get(codename="delete_logentry")
    own, stronger = new_group("view_user"), new_group("delete_logentry")
    clerk.groups.add(own)
    desk.post(f"{GROUPS}add/", {"name": "mine", "permissions": [str(strong.pk)]})
    desk.post(f"{GROUPS}{own.pk}/change/", {"name": own.name, "permissions": [str(strong.pk)]})
    assert not clerk.__class__.objects.get(pk=clerk.pk).has_perm("admin.delete_logentry")
    assert not type(own).objects.filter(name="mine").exists()
    name = own.name
    desk.post(f"{GROUPS}{own.pk}/change/", {"name": "operators", "permissions": []})
    own.refresh_from_db()
    assert own.name == name
    assert (
        desk.post(f"{GROUPS}{stronger.pk}/change/", {"name": "weak", "permissions": []}).status_code
        == 403
    )
    assert desk.post(f"{GROUPS}{stronger.pk}/delete/", {"post": "yes"}).status_code == 403


def test_addresses_lead_to_no_stronger_account(desk: "Client", clerk: "User", boss: "User") -> None:
    """An address given to a superuser, theirs taken over or marked as verified:
    each would be one reset from their account."""
    from allauth.account.models import EmailAddress

    theirs = EmailAddress.objects.create(user=boss, email=f"second-{boss.email}", verified=False)
    mine = EmailAddress.objects.create(user=clerk, email=f"second-{clerk.email}", verified=True)
    fields = {"email": "mine@example.org", "verified": "on"}
    tries = [
        desk.post(f"{ADDRESSES}add/", {**fields, "user": str(boss.pk)}),
        desk.post(f"{ADDRESSES}{theirs.pk}/change/", {**fields, "user": str(boss.pk)}),
        desk.post(f"{ADDRESSES}{mine.pk}/change/", {**fields, "user": str(boss.pk)}),
        desk.post(f"{ADDRESSES}{theirs.pk}/delete/", {"post": "yes"}),
    ]
    assert [answer.status_code for answer in tries] == [403] * len(tries)
    desk.post(
        ADDRESSES, {"action": "make_verified", "_selected_action": [str(theirs.pk), str(mine.pk)]}
    )
    theirs.refresh_from_db()
    assert not theirs.verified
    assert not EmailAddress.objects.filter(email="mine@example.org").exists()


def test_second_factor_and_keys_of_a_superuser_stay(
    desk: "Client", boss: "User", person: "User"
) -> None:
    """Staff removes and revokes those of people in their reach only."""
    from allauth.mfa.models import Authenticator

    from django_site.keys.models import ApiKey
    from tests.integration.keys.test_keys_admin import make

    factor = Authenticator.objects.create(user=boss, type="totp", data={})
    keys = [make(boss)[0].pk, make(person)[0].pk]
    assert desk.post(f"{FACTORS}{factor.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"{KEYS}{keys[0]}/delete/", {"post": "yes"}).status_code == 403
    delete = {"action": "delete_selected", "post": "yes"}
    assert desk.post(FACTORS, {**delete, "_selected_action": [str(factor.pk)]}).status_code == 403
    desk.post(KEYS, {"action": "revoke", "_selected_action": [str(pk) for pk in keys]})
    assert list(ApiKey.objects.filter(pk__in=keys).live().values_list("pk", flat=True)) == [keys[0]]
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_each_rule_holds_where_the_others_are_not_asked(clerk: "User", boss: "User") -> None:
    """The pages ask several of them in turn; an action or an admin class of a site may ask one
    only."""
    from allauth.mfa.models import Authenticator
    from django.contrib import admin
    from django.contrib.auth.models import Permission
    from django.core.exceptions import PermissionDenied
    from django.test import RequestFactory

    from django_site.staff.reach import may_give

    request = RequestFactory().get("/admin/")
    request.user = clerk
    factor = Authenticator.objects.create(user=boss, type="totp", data={})
    factors: Any = admin.site.get_model_admin(Authenticator)
    assert factors.has_delete_permission(request)
    assert not factors.has_delete_permission(request, factor)
    with pytest.raises(PermissionDenied):
        factors.delete_queryset(request, Authenticator.objects.filter(pk=factor.pk))
    with pytest.raises(PermissionDenied):
        factors.delete_model(request, factor)
    assert may_give(clerk, Permission.objects.filter(codename="view_user"))
    assert not may_give(clerk, Permission.objects.filter(codename="delete_logentry"))


def test_what_staff_does_is_in_both_logs(
    desk: "Client", clerk: "User", person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """Django's admin log for the history page, the security log with the address;
    a revoked key too."""
    from django.contrib.admin.models import LogEntry

    from tests.integration.keys.test_keys_admin import make

    key, _ = make(person)
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        desk.post(f"{PEOPLE}{person.pk}/change/", form_of(person, first_name="Ada"))
        desk.post(KEYS, {"action": "revoke", "_selected_action": [str(key.pk)]})
        desk.post(f"{PEOPLE}{person.pk}/delete/", {"post": "yes"})
    logged = [
        (record.message, record.row)  # type: ignore[attr-defined]
        for record in caplog.records
        if record.message.startswith("admin ")
    ]
    assert logged == [
        ("admin changed", str(person.pk)),
        ("admin changed", str(key.pk)),
        ("admin deleted", str(person.pk)),
    ]
    record: Any = next(record for record in caplog.records if record.message == "admin changed")
    assert (record.by, record.address) == (str(clerk.pk), "127.0.0.1")
    assert LogEntry.objects.filter(user=clerk).count() == 3
