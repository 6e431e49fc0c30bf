"""Whose a job is, for operators: they know people by their names, the API by their ids."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from django_site.publishing.databases import user_rows
from django_site.publishing.people import id_of, rows_of


def find_person(text: str) -> str | None:
    """Return the id of the person with this username, address or id; None when there is none."""
    text = text.strip()
    if not text or "\0" in text:
        return None
    model: Any = get_user_model()
    wanted = Q(**{model.USERNAME_FIELD: text})
    address = model.get_email_field_name()
    if any(field.name == address for field in model._meta.fields):
        wanted |= Q(**{f"{address}__iexact": text})
    named = user_rows().filter(wanted).order_by("pk")[:10]
    # a name that is another's id or address: the name counts
    ordered = sorted(named, key=lambda person: person.get_username() != text)
    found = [id_of(person.pk) for person in (*ordered, *rows_of([text]))]
    return found[0] if found else None


def names_of(ids: Iterable[str]) -> dict[str, str]:
    """Return the usernames of these people; who is gone is left out."""
    return {id_of(person.pk): person.get_username() for person in rows_of(ids)}
