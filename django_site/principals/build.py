"""From rows of Django's database to principals: one person at a time, or a whole chunk by a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import Field, QuerySet

from shared.principal import Principal


def user_rows() -> QuerySet[Any]:
    """Return all rows of the project's user model."""
    return cast("QuerySet[Any]", get_user_model()._default_manager.all())


def rows_of(ids: Iterable[str]) -> QuerySet[Any]:
    """Return the rows of these ids; an id that can't be one of this user model's has none."""
    field = cast("Field[Any, Any]", user_rows().model._meta.pk)
    possible = []
    for id_ in ids:
        try:
            possible.append(field.to_python(id_))
        except ValidationError:
            continue
    return user_rows().filter(pk__in=possible)


def build_principals(users: Sequence[Any]) -> Iterator[Principal]:
    """Yield the principal of each user row, with permissions as ``user.get_all_permissions()`` gives them.

    With Django's own permission logic a chunk costs four queries; a project whose backend has another is asked per user.
    """
    ids = [user.pk for user in users]
    verified = _verified_emails(ids)
    groups = _group_names(ids)
    permissions = _permissions(users)
    for user in users:
        email = str(getattr(user, user.get_email_field_name(), "") or "")
        yield Principal(
            id=str(user.pk),
            username=str(user.get_username()),
            email=email,
            email_verified=(user.pk, email.lower()) in verified,
            is_active=bool(user.is_active),
            is_staff=bool(getattr(user, "is_staff", False)),
            is_superuser=bool(getattr(user, "is_superuser", False)),
            permissions=permissions[user.pk],
            groups=frozenset(groups[user.pk]),
            auth_hash=user.get_session_auth_hash(),
            auth_hash_fallbacks=tuple(user.get_session_auth_fallback_hash()),
            backends=tuple(settings.AUTHENTICATION_BACKENDS),
        )


def _verified_emails(ids: Sequence[Any]) -> set[tuple[Any, str]]:
    if not apps.is_installed("allauth.account"):
        return set()
    rows = apps.get_model("account", "EmailAddress").objects.filter(user_id__in=ids, verified=True)
    return {(user_id, email.lower()) for user_id, email in rows.values_list("user_id", "email")}


def _group_names(ids: Sequence[Any]) -> defaultdict[Any, set[str]]:
    names: defaultdict[Any, set[str]] = defaultdict(set)
    for user_id, name in _memberships(ids, "name"):
        names[user_id].add(name)
    return names


def _memberships(ids: Sequence[Any], group_field: str) -> Iterator[tuple[Any, Any]]:
    """Yield (user id, field of the group) for every membership of these users."""
    model = get_user_model()
    if not hasattr(model, "groups"):
        return
    lookup = {"pk__in": ids, "groups__isnull": False}
    yield from model._default_manager.filter(**lookup).values_list("pk", f"groups__{group_field}")


def _permissions(users: Sequence[Any]) -> dict[Any, frozenset[str]]:
    if not _is_plain():
        return {user.pk: frozenset(user.get_all_permissions()) for user in users}
    ids = [user.pk for user in users]
    found: defaultdict[Any, set[str]] = defaultdict(set)
    model = get_user_model()
    own = model._default_manager.filter(pk__in=ids, user_permissions__isnull=False)
    for user_id, label, codename in own.values_list(
        "pk", "user_permissions__content_type__app_label", "user_permissions__codename"
    ):
        found[user_id].add(f"{label}.{codename}")
    of_groups = _permissions_of_groups()
    for user_id, group_id in _memberships(ids, "pk"):
        found[user_id] |= of_groups[group_id]
    everything = _every_permission() if any(user.is_superuser for user in users) else frozenset()
    return {user.pk: _allowed(user, found[user.pk], everything) for user in users}


def _allowed(user: Any, found: set[str], everything: frozenset[str]) -> frozenset[str]:
    if not user.is_active:
        return frozenset()
    return everything if user.is_superuser else frozenset(found)


def _permissions_of_groups() -> defaultdict[Any, set[str]]:
    found: defaultdict[Any, set[str]] = defaultdict(set)
    rows = Group.objects.filter(permissions__isnull=False).values_list(
        "pk", "permissions__content_type__app_label", "permissions__codename"
    )
    for group_id, label, codename in rows:
        found[group_id].add(f"{label}.{codename}")
    return found


def _every_permission() -> frozenset[str]:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
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
