"""From rows of Django's database to principals:
one person at a time, or a whole chunk by a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission

from django_site.publishing.databases import database_of, people_database, user_rows
from django_site.publishing.people import id_of
from shared.contract.permissions import PermissionSet
from shared.contract.principal import Principal


def build_principals(users: Sequence[Any]) -> Iterator[Principal]:
    """Yield the principal of each user row, with permissions as ``user.get_all_permissions()``
    gives them.

    With Django's own permission logic a chunk costs four queries;
    a project whose backend has another is asked per user.
    """
    ids = [user.pk for user in users]
    verified = _verified_emails(ids)
    groups = _groups(ids)
    permissions = _permissions(users, groups)
    sets: dict[frozenset[str], PermissionSet] = {}  # hashed once, however many people have it
    for user in users:
        email, names = _email(user), permissions[user.pk]
        if names not in sets:
            sets[names] = PermissionSet.of(names)
        yield Principal(
            id=id_of(user.pk),
            username=str(user.get_username() or ""),
            email=email,
            email_verified=(user.pk, email.lower()) in verified,
            is_active=bool(getattr(user, "is_active", True)),  # as Django's own backend asks
            is_staff=bool(getattr(user, "is_staff", False)),
            is_superuser=bool(getattr(user, "is_superuser", False)),
            permission_set=sets[names],
            groups=frozenset(groups[user.pk].values()),
            auth_hash=user.get_session_auth_hash()
            if hasattr(user, "get_session_auth_hash")
            else "",
            auth_hash_fallbacks=tuple(_fallback_hashes(user)),
            backends=tuple(settings.AUTHENTICATION_BACKENDS),
        )


def _email(user: Any) -> str:
    name = user.get_email_field_name() if hasattr(user, "get_email_field_name") else "email"
    return str(getattr(user, name, "") or "")


def _fallback_hashes(user: Any) -> Iterable[str]:
    """Return the hashes under SECRET_KEY_FALLBACKS;
    a user model that isn't Django's AbstractBaseUser may have none."""
    return (
        user.get_session_auth_fallback_hash()
        if hasattr(user, "get_session_auth_fallback_hash")
        else ()
    )


def _verified_emails(ids: Sequence[Any]) -> set[tuple[Any, str]]:
    if not apps.is_installed("allauth.account"):
        return set()
    model = apps.get_model("account", "EmailAddress")
    rows = model.objects.using(database_of(model)).filter(user_id__in=ids, verified=True)
    return {(user_id, email.lower()) for user_id, email in rows.values_list("user_id", "email")}


def _groups(ids: Sequence[Any]) -> defaultdict[Any, dict[Any, str]]:
    """Return the groups of each of these users: their names by primary key."""
    found: defaultdict[Any, dict[Any, str]] = defaultdict(dict)
    if hasattr(get_user_model(), "groups"):
        rows = user_rows().filter(pk__in=ids, groups__isnull=False)
        for user_id, group_id, name in rows.values_list("pk", "groups__pk", "groups__name"):
            found[user_id][group_id] = name
    return found


def _permissions(
    users: Sequence[Any], groups: Mapping[Any, Mapping[Any, str]]
) -> dict[Any, frozenset[str]]:
    # AbstractBaseUser alone: nobody has any
    if not hasattr(get_user_model(), "get_all_permissions"):
        return {user.pk: frozenset() for user in users}
    if not _is_plain():
        return {user.pk: frozenset(user.get_all_permissions()) for user in users}
    ids = [user.pk for user in users]
    found: defaultdict[Any, set[str]] = defaultdict(set)
    own = user_rows().filter(pk__in=ids, user_permissions__isnull=False)
    for user_id, label, codename in own.values_list(
        "pk", "user_permissions__content_type__app_label", "user_permissions__codename"
    ):
        found[user_id].add(f"{label}.{codename}")
    of_groups = _permissions_of_groups() if groups else {}
    for user_id, group_ids in groups.items():
        found[user_id].update(*(of_groups.get(group_id, ()) for group_id in group_ids))
    everything = _every_permission() if any(user.is_superuser for user in users) else frozenset()
    return {user.pk: _allowed(user, found[user.pk], everything) for user in users}


def _allowed(user: Any, found: set[str], everything: frozenset[str]) -> frozenset[str]:
    if not user.is_active:
        return frozenset()
    return everything if user.is_superuser else frozenset(found)


def _permissions_of_groups() -> dict[Any, set[str]]:
    found: defaultdict[Any, set[str]] = defaultdict(set)
    rows = (
        Group.objects.using(people_database())
        .filter(permissions__isnull=False)
        .values_list("pk", "permissions__content_type__app_label", "permissions__codename")
    )
    for group_id, label, codename in rows:
        found[group_id].add(f"{label}.{codename}")
    return found


def _every_permission() -> frozenset[str]:
    rows = Permission.objects.using(people_database()).values_list(
        "content_type__app_label", "codename"
    )
    return frozenset(f"{label}.{codename}" for label, codename in rows)


def _is_plain() -> bool:
    """Tell whether permissions come from Django's own tables alone."""
    model = get_user_model()
    return hasattr(model, "user_permissions") and all(
        type(backend).get_all_permissions is ModelBackend.get_all_permissions
        and type(backend)._get_permissions is ModelBackend._get_permissions  # type: ignore[attr-defined]
        for backend in get_backends()
        if hasattr(backend, "get_all_permissions")
    )
