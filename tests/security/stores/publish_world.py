"""One person and one key, what was ever committed about them, and what Redis may say of it."""

import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, cast

import redis
from django.db import IntegrityError, connections

from shared.contract.api_keys import decode_key
from shared.contract.entries import (
    key_entry_of_digest,
    permissions_entry,
    principal_entry,
)
from shared.contract.gone import GONE_LATEST, gone_entry
from shared.contract.permissions import digest_of
from shared.contract.principal import decode_principal
from tests.security.stores.second_database import PEOPLE

REPAIRS, SILENT, KEYS_ONLY = (
    ("rebuild", "prune", "publish_again"),
    ("flush", "update_silently"),
    ("create_key", "revoke_key"),
)
State = Any  # what the database, or Redis, says of all people and keys: comparable
PERSON, KEY, SESSION = 1, "d" * 64, "gatehouse:session:of-the-schedules"
ENTRIES = [principal_entry(str(PERSON)), key_entry_of_digest(KEY), gone_entry(str(PERSON))]


class World:
    """One person and one key, what was ever committed about them,
    and what of that was published."""

    def __init__(self, chooser: Random, admin: redis.Redis) -> None:
        self.chooser, self.admin = chooser, admin
        self.is_silent = False  # a change was made that nobody publishes
        self.was_deleted = False
        self.committed: list[State] = [in_database()]
        self.published = [0, 0]  # of the person and of the key: no older state may be seen any more
        self._seen: Any = None
        self._commits = _commits()

    def operations(self) -> list[Callable[[], None]]:
        """Return what may happen: each is a change with its publishing, or a repair."""
        loud = [
            self.activate,
            self.deactivate,
            self.promote,
            self.demote,
            self.delete,
            self.create_key,
            self.revoke_key,
        ]
        return [
            *loud,
            self.join,
            self.leave,
            self.rebuild,
            self.prune,
            self.publish_again,
            self.update_silently,
            self.flush,
        ]

    def look(self) -> None:
        """Note what is committed, and compare it with what Redis says, if either has changed."""
        commits, seen = _commits(), self.admin.mget(ENTRIES)
        if commits != self._commits and (now := in_database()) != self.committed[-1]:
            self.committed.append(now)
        if (commits, seen) != (self._commits, self._seen):
            self._compare(in_redis(seen))
            check_mark(seen)
        self._commits, self._seen = commits, seen

    def note_published(self, at: int, *, person: bool = True, key: bool = True) -> None:
        """Note that what was committed then is published,
        and see that nothing older stands there."""
        self.published = [
            max(old, at) if is_it else old
            for old, is_it in zip(self.published, (person, key), strict=True)
        ]
        self._compare(in_redis(self.admin.mget(ENTRIES)))

    def _compare(self, shown: State) -> None:
        digest = shown[0] and shown[0][-1]
        assert not digest or self.admin.exists(permissions_entry(digest)), "named and not there"
        for which in (0, 1):
            allowed = [state[which] for state in self.committed[self.published[which] :]]
            assert shown[which] is None or shown[which] in allowed, (shown, allowed)

    def activate(self) -> None:
        """Let the person in."""
        self._save(is_active=True)

    def deactivate(self) -> None:
        """Lock the person out."""
        self._save(is_active=False)

    def promote(self) -> None:
        """Make the person a superuser."""
        self._save(is_superuser=True, is_staff=True)

    def demote(self) -> None:
        """Make them an ordinary person."""
        self._save(is_superuser=False, is_staff=False)

    def delete(self) -> None:
        """Delete the person, and the key with them."""
        self.was_deleted = True
        for row in people().filter(pk=PERSON):
            row.delete()

    def join(self) -> None:
        """Let the person join the group."""
        for row in people().filter(pk=PERSON):
            row.groups.add(1)

    def leave(self) -> None:
        """Let them leave it."""
        for row in people().filter(pk=PERSON):
            row.groups.remove(1)

    def create_key(self) -> None:
        """Save the row of a key."""
        from django_site.keys.models import ApiKey

        if people().filter(pk=PERSON).exists() and not ApiKey.objects.exists():
            ApiKey(
                user_id=PERSON, name="a", token_digest=KEY, scopes=[], expires_at=_tomorrow()
            ).save()

    def revoke_key(self) -> None:
        """Revoke the key as its page does."""
        from django_site.keys.issue import revoke_keys
        from django_site.keys.models import ApiKey

        revoke_keys(ApiKey.objects.all(), by=people().model(pk=0))

    def rebuild(self) -> None:
        """Do what the reconciler does."""
        from django_site.publishing.rebuild import rebuild

        rebuild()

    def prune(self) -> None:
        """Do what the reconciler does for one person."""
        from django_site.principals.publish import correct_chunk
        from django_site.publishing.versions import begin_anew

        begin_anew()
        correct_chunk([str(PERSON)])

    def publish_again(self) -> None:
        """Do what a log-in does."""
        from django_site.principals.publish import publish_with_session

        publish_with_session(PERSON)

    def update_silently(self) -> None:
        """Change the row by a query that sends no signal."""
        self.is_silent = True
        people().filter(pk=PERSON).update(is_active=self.chooser.random() < 0.5)

    def flush(self) -> None:
        """Lose all that Redis holds of it but the session, versions too, in one instant."""
        self.is_silent = True
        names = [
            "gatehouse:lock:publish-order",
            "gatehouse:lock:published-versions",
            "gatehouse:lock:published",
        ]
        sets = self.admin.keys(permissions_entry("*"))
        self.admin.delete(*names, *ENTRIES, GONE_LATEST, *cast("list[str]", sets))

    def _save(self, **fields: bool) -> None:
        row = people().filter(pk=PERSON).first() or people().model(
            pk=PERSON, username="ada", password="!"
        )
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()


def people() -> Any:
    """Return the people."""
    from django_site.accounts.models import User

    return User.objects


def in_database() -> State:
    """Return what the database says of the person and of the key."""
    from django_site.keys.models import ApiKey

    rows = people().filter(pk=PERSON)
    person = rows.values_list("is_active", "is_superuser", "is_staff").first()
    may = digest_of(rows[0].get_all_permissions()) if person else ""
    is_live = ApiKey.objects.live().filter(token_digest=KEY).exists()
    is_member = rows.filter(groups=1).exists()
    return person and (*person, is_member, may), str(PERSON) if is_live else None


def in_redis(values: Any) -> State:
    """Return what these values of the entries say of them."""
    from django_site.contract import entry_signer

    key = values[1] and decode_key(entry_signer(), KEY, values[1], now=0).user_id
    person = values[0] and decode_principal(entry_signer(), str(PERSON), values[0])
    return person and (
        person.is_active,
        person.is_superuser,
        person.is_staff,
        bool(person.groups),
        person.permission_set.digest,
    ), key


def check_mark(values: Any) -> None:
    """Check that somebody is marked as gone whenever they are shown as deactivated,
    and never when they are shown as active."""
    person = in_redis(values)[0]
    assert person is None or person[0] == (values[2] is None), values


def check_lives(admin: redis.Redis) -> None:
    """Check that a principal ends, is listed until then, and ends before what it names."""
    entry, (value, *_) = ENTRIES[0], admin.mget(ENTRIES)
    if value is None:
        return
    left = admin.ttl(entry)
    assert left > 0
    assert abs(float(admin.zscore("gatehouse:lock:published", entry) or 0) - time.time() - left) < 5
    digest = in_redis([value, None])[0][-1]
    assert not digest or admin.ttl(permissions_entry(digest)) > left


def _commits() -> int:
    """Return a number that changes when another connection commits."""
    connection = connections[PEOPLE]
    connection.ensure_connection()
    number: int = connection.connection.execute("PRAGMA data_version").fetchone()[0]
    return number


def _tomorrow() -> Any:
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() + timedelta(days=1)


def refusable(operation: Callable[[], None]) -> None:
    """Do it; what the database refuses (to let a person join who was deleted meanwhile)
    is not done."""
    with suppress(IntegrityError):
        operation()


def note_end(world: World, name: str, at: int, own: int | None) -> None:
    """A change is published when its operation ends;
    a repair publishes what was committed when it began.

    A rebuild looks for who is gone and then for who is there: who is deleted between may be met by
    neither look, and is published by the deletion itself.
    """
    if name in REPAIRS:
        stayed = len({state[0] is None for state in world.committed[at:]}) == 1
        world.note_published(at, person=stayed or name != "rebuild", key=name == "rebuild")
    elif own is not None and name not in SILENT:
        world.note_published(own, person=name not in KEYS_ONLY, key=name in (*KEYS_ONLY, "delete"))
