"""End the keys of a password that was replaced without a signal:
``QuerySet.update``, ``bulk_update``, raw SQL, a restored row."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from django_site.keys.issue import revoke_keys
from django_site.keys.models import ApiKey
from django_site.keys.passwords.stamps import is_of_now, stamp_of
from django_site.keys.publish import live_keys, rebuild_keys, reconcile_keys
from django_site.publishing.databases import atomic_on, database_of, user_rows
from django_site.publishing.rebuild import Rebuilt


def reconcile() -> Iterator[Rebuilt]:
    """End outdated keys, then reconcile the entries of the others.
    Raises SessionStoreUnavailable."""
    yield from _end_outdated()
    yield from reconcile_keys()


def rebuild() -> Iterator[Rebuilt]:
    """End outdated keys, then rebuild the entries of the others. Raises SessionStoreUnavailable."""
    yield from _end_outdated()
    yield from rebuild_keys()


def _end_outdated() -> Iterator[Rebuilt]:
    for keys in live_keys():
        rows = list(keys.values())
        passwords = _passwords({key.user_id for key in rows})
        doubtful = {key.user_id for key in rows if not _goes_with(key, passwords)}
        yield Rebuilt(pruned=sum(map(_settle, doubtful)))


def _settle(user_id: Any) -> int:
    """Look again while neither the password nor the stamps can change;
    revoke what is outdated and return how many keys that were.

    A key of before there were stamps goes with the password that it is first seen with.
    """
    rows = ApiKey.objects.using(database_of(ApiKey)).filter(user_id=user_id)
    with atomic_on(get_user_model(), ApiKey):
        # First the keys, then their person: so does who sets a password and revokes the keys.
        keys = list(rows.live().select_for_update())
        person = user_rows().select_for_update().filter(pk=user_id).first()
        if person is None:
            return 0  # the keys go with their person
        unknown = [key.pk for key in keys if not key.password_stamp]
        rows.filter(pk__in=unknown).update(password_stamp=stamp_of(person.password))
        outdated = [
            key.pk
            for key in keys
            if key.password_stamp and not is_of_now(key.password_stamp, person.password)
        ]
        return revoke_keys(rows.filter(pk__in=outdated), by=person) if outdated else 0


def _passwords(ids: set[Any]) -> Mapping[Any, str]:
    return dict(user_rows().filter(pk__in=ids).values_list("pk", "password"))


def _goes_with(key: ApiKey, passwords: Mapping[Any, str]) -> bool:
    return key.user_id not in passwords or is_of_now(key.password_stamp, passwords[key.user_id])
