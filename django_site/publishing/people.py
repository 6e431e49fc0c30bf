"""People by their id, and the id as sessions,
principals and keys write it."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from django_site.publishing.databases import user_rows


def id_of(pk: Any) -> str:
    """Return a person's id as sessions, principals and keys write it:
    as Django writes it into a session."""
    field: Any = get_user_model()._meta.pk
    return str(field.value_to_string(SimpleNamespace(**{field.attname: pk})))


def rows_of(ids: Iterable[str]) -> QuerySet[Any]:
    """Return the rows of these ids; an id that can't be one of this user model's has none."""
    possible = [pk for pk in map(_pk_of, ids) if pk is not None]
    return user_rows().filter(pk__in=possible)


def _pk_of(id_: str) -> Any:
    field: Any = get_user_model()._meta.pk
    while field.remote_field:  # a child's key is its parent's
        field = field.target_field
    try:
        pk = field.to_python(id_)
        field.run_validators(pk)  # a number that the database can't hold would raise there
    except ValidationError:
        return None
    return pk
