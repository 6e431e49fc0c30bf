"""Every change of a person that the API must see on its next request,
caught where Django announces it.

Published after commit, never before: a rolled-back change must not be seen, and another process
must find the new row. The commit is that of the database which the signal names. Whichever model of
a table was used, the change is seen (django_site.publishing.tables).
What sends no signal (``QuerySet.update``, raw SQL) is found by the reconciler.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from django_site.principals.publish import publish, publish_with_session
from django_site.publishing.databases import people_database, user_rows
from django_site.publishing.tables import Receiver, for_each_model, key_in, only_about, tables_of

_OF_A_LOG_IN = {"last_login"}


def connect() -> None:
    """Connect every receiver to every model that shares a table with what it is about,
    now and when one is made later.

    Idempotent: Django keeps one of each dispatch_uid.
    """
    user_logged_in.connect(_person_logged_in, dispatch_uid="gatehouse.person_logged_in")
    for_each_model(listen_to_people)


def listen_to_people(model: type[Model]) -> None:
    """Connect the receivers that changes of this model concern; most models concern nobody."""
    tables = tables_of(model)
    for owner, signals in _receivers():
        if tables & tables_of(owner):
            for signal, receiver in signals:
                uid = f"gatehouse.{receiver.__name__}.{model}"
                signal.connect(
                    only_about(owner, receiver), sender=model, weak=False, dispatch_uid=uid
                )


def _receivers() -> list[tuple[type[Model], list[tuple[Any, Receiver]]]]:
    """Return each model that a principal is built of, with the signals that tell of its changes."""
    user: Any = get_user_model()
    found: list[tuple[type[Model], list[tuple[Any, Receiver]]]] = [
        (user, [(post_save, _person_changed), (post_delete, _person_changed)])
    ]
    if hasattr(user, "groups"):
        found += [
            (user.groups.through, _membership_signals(user.groups.through, _groups_changed)),
            (Group, [(post_save, _group_changed), (pre_delete, _group_changed)]),
            (Group.permissions.through, [(m2m_changed, _group_permissions_changed)]),
        ]
    if hasattr(user, "user_permissions"):
        through = user.user_permissions.through
        found += [
            (through, _membership_signals(through, _user_permissions_changed)),
            (Permission, [(post_save, _permission_changed), (pre_delete, _permission_changed)]),
        ]
    if apps.is_installed("allauth.account"):
        address = apps.get_model("account", "EmailAddress")
        found.append((address, [(post_save, _address_changed), (post_delete, _address_changed)]))
    return found


def _membership_signals(through: type[Model], receiver: Receiver) -> list[tuple[Any, Receiver]]:
    """A site may have its own model between people and groups,
    whose rows are saved and deleted one by one."""
    one_by_one = (
        []
        if through._meta.auto_created
        else [(post_save, _membership_changed), (post_delete, _membership_changed)]
    )
    return [(m2m_changed, receiver), *one_by_one]


def _publish_on_commit(ids: Iterable[Any], using: str) -> None:
    wanted = list(ids)
    if wanted:
        transaction.on_commit(lambda: publish(wanted), using=using)


def _publish_all_on_commit(concerned: "QuerySet[Any]", using: str) -> None:
    """Publish whom the query finds now (after a delete nobody knows any more)
    or after the commit (who joined meanwhile)."""
    ids = concerned.using(using).values_list("pk", flat=True).distinct()
    now = set(ids)
    transaction.on_commit(lambda: publish(now.union(ids.all())), using=using)


def _person_changed(instance: Model, using: str, update_fields: Any = None, **kwargs: Any) -> None:
    if update_fields == _OF_A_LOG_IN:  # which published the person already
        return
    _publish_on_commit([key_in(instance, get_user_model())], using)


def _person_logged_in(user: Any, **kwargs: Any) -> None:
    transaction.on_commit(lambda: publish_with_session(user.pk), using=people_database())


def _address_changed(instance: Any, using: str, **kwargs: Any) -> None:
    _publish_on_commit([instance.user_id], using)


def _membership_changed(instance: Model, using: str, **kwargs: Any) -> None:
    """A row between a person and a group, or a permission, was saved or deleted by itself."""
    people = tables_of(get_user_model())
    fields: Any = instance._meta.concrete_fields
    links = [
        field for field in fields if field.remote_field and tables_of(field.related_model) & people
    ]
    _publish_on_commit({getattr(instance, field.attname) for field in links}, using)


def _groups_changed(**kwargs: Any) -> None:
    _memberships_changed(field="groups", target=Group, **kwargs)


def _user_permissions_changed(**kwargs: Any) -> None:
    _memberships_changed(field="user_permissions", target=Permission, **kwargs)


def _memberships_changed(
    field: str,
    target: type[Model],
    instance: Model,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
    **kwargs: Any,
) -> None:
    """``user.groups.add(...)`` and ``group.user_set.add(...)`` both end here;
    on clear, ask before it happens."""
    if not reverse:
        _publish_on_commit([key_in(instance, get_user_model())], using)
    elif action == "pre_clear":
        _publish_all_on_commit(user_rows().filter(**{field: key_in(instance, target)}), using)
    elif pk_set:
        _publish_on_commit(pk_set, using)


def _group_permissions_changed(
    instance: Model, action: str, reverse: bool, pk_set: set[Any] | None, using: str, **kwargs: Any
) -> None:
    if not reverse:
        groups: Any = [key_in(instance, Group)]
    elif action == "pre_clear":
        groups = list(
            Group.objects.using(using)
            .filter(permissions=key_in(instance, Permission))
            .values_list("pk", flat=True)
        )
    else:
        groups = pk_set or []
    _publish_all_on_commit(user_rows().filter(groups__in=groups), using)


def _group_changed(instance: Model, using: str, **kwargs: Any) -> None:
    _publish_all_on_commit(user_rows().filter(groups=key_in(instance, Group)), using)


def _permission_changed(instance: Model, using: str, **kwargs: Any) -> None:
    pk = key_in(instance, Permission)
    of_groups = Q(groups__permissions=pk) if hasattr(get_user_model(), "groups") else Q()
    _publish_all_on_commit(user_rows().filter(Q(user_permissions=pk) | of_groups), using)
