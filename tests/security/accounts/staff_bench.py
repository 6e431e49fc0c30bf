"""Staff who may change people, who is above them, and the pages of the admin."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.models import Group
    from django.test import Client

    from django_site.accounts.models import User

PEOPLE = "/admin/accounts/user/"
GROUPS = "/admin/auth/group/"
ADDRESSES = "/admin/account/emailaddress/"
FACTORS = "/admin/mfa/authenticator/"
KEYS = "/admin/gatehouse_keys/apikey/"
NEW_PASSWORD = "another horse battery 7"


@pytest.fixture
def clerk(new_person: "Callable[..., User]") -> "User":
    """Staff with every permission on people, groups, addresses, second factors and keys,
    and no superuser."""
    from django.contrib.auth.models import Permission

    person = new_person(is_staff=True)
    models = ("user", "group", "emailaddress", "authenticator", "apikey")
    person.user_permissions.set(Permission.objects.filter(content_type__model__in=models))
    return person


@pytest.fixture
def desk(browser: "Client", clerk: "User") -> "Client":
    """A browser that the clerk is logged in with."""
    browser.force_login(clerk)
    return browser


@pytest.fixture
def boss(new_person: "Callable[..., User]") -> "User":
    """A superuser."""
    return new_person(is_staff=True, is_superuser=True)


@pytest.fixture
def colleague(new_person: "Callable[..., User]") -> "User":
    """Staff who may do something that the clerk may not."""
    from django.contrib.auth.models import Permission

    person = new_person(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="delete_logentry"))
    return person


def form_of(person: "User", **changed: str) -> dict[str, str]:
    """The change form as the page sends it."""
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return {
        "username": person.username,
        "email": person.email,
        "is_active": "on",
        **joined,
        **changed,
    }


def powers(person: "User") -> tuple[Any, ...]:
    """What the person may, as the database has it."""
    person.refresh_from_db()
    return (
        person.is_staff,
        person.is_superuser,
        person.groups.count(),
        person.user_permissions.count(),
    )


def new_group(*codenames: str) -> "Group":
    """A group that gives these permissions."""
    from django.contrib.auth.models import Group, Permission

    group = Group.objects.create(name=f"group {uuid.uuid4()}")
    group.permissions.set(Permission.objects.filter(codename__in=codenames))
    return group
