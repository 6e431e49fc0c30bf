"""Whose a job is, for operators: they know people by their names, the API by their ids."""

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db.models import Q

_LONGEST = 254


def find_person(text: str) -> str | None:
    """Return the id of the person with this username, address or id; None when there is none."""
    text = text.strip()[:_LONGEST]
    if not text or "\0" in text:
        return None
    wanted = Q(username=text) | Q(email__iexact=text)
    if text.isascii() and text.isdigit() and len(text) < 19:
        wanted |= Q(pk=int(text))
    found = get_user_model()._default_manager.filter(wanted).order_by("pk")
    # a name that is another's number: the name counts
    ordered = sorted(found[:10], key=lambda person: person.get_username() != text)
    return str(ordered[0].pk) if ordered else None


def names_of(ids: Iterable[str]) -> dict[str, str]:
    """Return the usernames of these people; who is gone is left out."""
    numbers = {int(each) for each in ids if each.isascii() and each.isdigit() and len(each) < 19}
    people = get_user_model()._default_manager.filter(pk__in=numbers)
    return {str(person.pk): person.get_username() for person in people}
