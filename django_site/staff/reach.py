"""Whom and what a member of staff may touch: nobody gets more power by the admin than they have.

A superuser may touch everything. Anyone else may touch a person only if that person can do nothing
that they can't do themselves: who sets somebody's password, address or second factor can act as
them. A group is power without any permission: services ask for it by name. Source:
OWASP ASVS 5.0, 8.2.3 and 8.4.2.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

PRIVILEGE_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


def is_superuser(staff: Any) -> bool:
    """Tell whether ``staff`` is an active superuser."""
    return bool(staff.is_active and getattr(staff, "is_superuser", False))


def may_touch(staff: Any, person: Any) -> bool:
    """Tell whether ``staff`` may change what belongs to ``person``:
    their row, addresses, keys, second factors."""
    if is_superuser(staff) or person.pk == staff.pk:
        return True
    return (
        not getattr(person, "is_superuser", False)
        and _held_by(person) <= _own(staff)
        and _groups_of(person) <= _groups_of(staff)
    )


def may_touch_group(staff: Any, group: Group | None) -> bool:
    """Tell whether ``staff`` has every permission that ``group`` gives;
    of a group still to be made, True."""
    if is_superuser(staff) or group is None or group.pk is None:
        return True
    return _names(Permission.objects.filter(group=group)) <= _own(staff)


def may_give(staff: Any, permissions: Iterable[Permission]) -> bool:
    """Tell whether ``staff`` has all of these permissions: nobody gives what they don't have."""
    wanted = Permission.objects.filter(pk__in=[permission.pk for permission in permissions])
    return is_superuser(staff) or _names(wanted) <= _own(staff)


def own_permissions(staff: Any) -> Any:
    """Return the query of the permissions that ``staff`` may give."""
    if is_superuser(staff):
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=staff) | Q(group__user=staff)).distinct()


def _own(staff: Any) -> set[str]:
    names: set[str] = staff.get_all_permissions()
    return names


def _held_by(person: Any) -> set[str]:
    """Return the person's permissions, also while they are deactivated:
    they may be activated again."""
    if not hasattr(person, "user_permissions"):
        return set()
    return _names(Permission.objects.filter(Q(user=person) | Q(group__user=person)))


def _groups_of(person: Any) -> set[Any]:
    return set(person.groups.values_list("pk", flat=True)) if hasattr(person, "groups") else set()


def _names(permissions: Any) -> set[str]:
    return {
        f"{label}.{codename}"
        for label, codename in permissions.values_list("content_type__app_label", "codename")
    }
