"""Which password a key goes with: a digest of the person's stored hash, in the key's row.

A signal tells of most new passwords, and the keys end there (django_site.keys.signals). A bulk
update sends none; the reconciler then finds keys whose stamp isn't that of the row of the person.
A row's stamp holds two digests while a password that keeps the keys is being saved, else one; ""
is a key of before there were stamps.
"""

from typing import Any

from django_site.keys.models import ApiKey
from django_site.publishing.databases import database_of
from shared.contract.entries import digest

STAMP_LENGTH = 32


def stamp_of(password: str) -> str:
    """Return the stamp of a stored hash; it is salted, so its digest tells nothing."""
    return digest(f"gatehouse.password:{password}")[:STAMP_LENGTH]


def is_of_now(stamp: str, password: str) -> bool:
    """Tell whether a row with this stamp goes with the person's password."""
    now = stamp_of(password)
    return now in (stamp[:STAMP_LENGTH], stamp[STAMP_LENGTH:])


def expect_password(person: Any, stored: str) -> None:
    """Let the keys that go with the ``stored`` hash go with the person's new one too,
    before that is saved.

    Those that don't are of a password that was replaced without a signal: they stay outdated.
    """
    both = f"{stamp_of(stored)}{stamp_of(person.password)}"
    _stamp(person, stored, both)


def keep_to_password(person: Any) -> None:
    """Let the keys that go with the person's new password go with no other,
    after it is saved."""
    _stamp(person, person.password, stamp_of(person.password))


def _stamp(person: Any, password: str, stamp: str) -> None:
    keys = _keys_of(person)
    rows = list(keys.values_list("pk", "password_stamp"))
    wanted = [pk for pk, old in rows if is_of_now(old, password)]
    if wanted:
        keys.filter(pk__in=wanted).update(password_stamp=stamp)


def _keys_of(person: Any) -> Any:
    return ApiKey.objects.using(database_of(ApiKey)).of(person).live()
