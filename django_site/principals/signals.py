"""Every change of a person that the API must see on its next request, caught where Django announces it.

Published after commit, never before: a rolled-back change must not be seen, and another process must find the new row.
What sends no signal (``QuerySet.update``, raw SQL) is found by the reconciler.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from django_site.principals.build import user_rows
from django_site.principals.publish import publish


def connect() -> None:
    """Connect every receiver. Idempotent: Django keeps one of each dispatch_uid."""
    user: Any = get_user_model()
    _connect(post_save, _person_changed, user)
    _connect(post_delete, _person_changed, user)
    _connect(user_logged_in, _person_logged_in, None)
    if hasattr(user, "groups"):
        _connect(m2m_changed, _memberships_changed, user.groups.through)
        _connect(m2m_changed, _memberships_changed, user.user_permissions.through)
        _connect(m2m_changed, _group_permissions_changed, Group.permissions.through)
        _connect(post_save, _group_changed, Group)
        _connect(pre_delete, _group_changed, Group)
        _connect(post_save, _permission_changed, Permission)
        _connect(pre_delete, _permission_changed, Permission)
    if apps.is_installed("allauth.account"):
        address = apps.get_model("account", "EmailAddress")
        _connect(post_save, _address_changed, address)
        _connect(post_delete, _address_changed, address)


def _connect(signal: Any, receiver: Any, sender: Any) -> None:
    signal.connect(receiver, sender=sender, dispatch_uid=f"gatehouse.{receiver.__name__}.{sender}")


def _publish_on_commit(ids: Iterable[Any]) -> None:
    wanted = list(ids)  # asked now: after a delete nobody knows any more who was concerned
    if wanted:
        transaction.on_commit(lambda: publish(wanted))


def _person_changed(instance: Any, **kwargs: Any) -> None:
    _publish_on_commit([instance.pk])


def _person_logged_in(user: Any, **kwargs: Any) -> None:
    _publish_on_commit([user.pk])


def _address_changed(instance: Any, **kwargs: Any) -> None:
    _publish_on_commit([instance.user_id])


def _memberships_changed(instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any) -> None:
    """``user.groups.add(...)`` and ``group.user_set.add(...)`` both end here; on clear, ask before it happens."""
    if not reverse:
        _publish_on_commit([instance.pk])
    elif action == "pre_clear":
        field = "groups" if isinstance(instance, Group) else "user_permissions"
        _publish_on_commit(user_rows().filter(**{field: instance}).values_list("pk", flat=True))
    elif pk_set:
        _publish_on_commit(pk_set)


def _group_permissions_changed(instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any) -> None:
    if not reverse:
        groups: Any = [instance.pk]
    elif action == "pre_clear":
        groups = list(Group.objects.filter(permissions=instance).values_list("pk", flat=True))
    else:
        groups = pk_set or []
    _publish_on_commit(user_rows().filter(groups__in=groups).values_list("pk", flat=True).distinct())


def _group_changed(instance: Group, **kwargs: Any) -> None:
    _publish_on_commit(user_rows().filter(groups=instance).values_list("pk", flat=True))


def _permission_changed(instance: Permission, **kwargs: Any) -> None:
    concerned = user_rows().filter(Q(user_permissions=instance) | Q(groups__permissions=instance))
    _publish_on_commit(concerned.values_list("pk", flat=True).distinct())
