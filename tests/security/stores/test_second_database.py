"""People on a second database, with reads that go to a replica that lags:
the commit that counts is that of their database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from shared.errors import NotAuthenticated
from tests.security.stores.second_database import (
    PEOPLE,
    REPLICA,
    PeopleApart,
    ReadsFromReplica,
    database,
    routed_by,
)

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def apart(site: None, tmp_path: Path) -> Iterator[None]:
    """People are on the second database."""
    with database(PEOPLE, tmp_path / "people.sqlite3", copy_of="default"), routed_by(PeopleApart):
        yield


@pytest.fixture
def person(apart: None) -> Any:
    """Somebody there."""
    return _new_person("ada-on-the-second-database")


@pytest.fixture
def lagging(person: Any, tmp_path: Path) -> Iterator[None]:
    """From now on reads go to a replica that is told nothing more."""
    with (
        database(REPLICA, tmp_path / "replica.sqlite3", copy_of=PEOPLE),
        routed_by(ReadsFromReplica),
    ):
        yield


def _new_person(username: str) -> Any:
    from allauth.account.models import EmailAddress

    from django_site.accounts.models import User
    from django_site.principals.publish import publish_with_session

    person = User.objects.create(username=username, email=f"{username}@example.org", password="!")
    EmailAddress.objects.create(user=person, email=person.email, verified=True)
    publish_with_session(person.pk)
    return person


def _shown(person: Any) -> Any:
    from django_site.principals.publish import find_principal

    return find_principal(str(person.pk))


def _fail_after(change: Any, *, using: str) -> None:
    """Make the change in a transaction that is rolled back."""

    def change_and_fail() -> None:
        with transaction.atomic(using=using):
            change()
            raise RuntimeError("roll back")

    with pytest.raises(RuntimeError, match="roll back"):
        change_and_fail()


def test_rolled_back_change_there_is_never_published(person: Any) -> None:
    """Neither a grant nor a deactivation that the second database forgot."""
    from django.contrib.auth.models import Group

    group = Group.objects.create(name="of the second database")
    _fail_after(lambda: person.groups.add(group), using=PEOPLE)
    assert not _shown(person).groups
    person.is_active = False
    _fail_after(person.save, using=PEOPLE)
    assert _shown(person).is_active


def test_commit_there_is_published_though_another_database_rolls_back(person: Any) -> None:
    """The transaction around it was of a database that has nothing to do with people."""
    person.is_active = False
    _fail_after(person.save, using="default")
    assert not _shown(person).is_active


def test_publish_in_an_open_transaction_says_what_is_committed(person: Any) -> None:
    """A commit elsewhere publishes the person while their own database may still roll back."""
    from django_site.principals.publish import publish

    def promote() -> None:
        person.is_superuser = True
        person.save()
        publish([person.pk])
        assert not _shown(person).is_superuser

    _fail_after(promote, using=PEOPLE)
    assert not _shown(person).is_superuser


@pytest.mark.usefixtures("lagging")
def test_replica_that_lags_is_never_published(person: Any) -> None:
    """The value just replaced is still on the replica;
    what is published comes from where it was written."""
    from django.contrib.auth.models import Group

    from django_site.publishing.rebuild import rebuild

    person.is_active = False
    person.save()
    assert not _shown(person).is_active
    person.groups.add(Group.objects.create(name="unknown to the replica"))
    assert _shown(person).groups == {"unknown to the replica"}
    rebuild()
    assert not _shown(person).is_active
    late = _new_person("unknown-to-the-replica")
    assert _shown(late) is not None
    rebuild()
    assert _shown(late) is not None


@pytest.mark.usefixtures("lagging")
def test_silent_change_is_found_where_it_was_written(person: Any) -> None:
    """The reconciler does not compare with a replica."""
    from django_site.accounts.models import User
    from django_site.publishing.rebuild import rebuild

    User.objects.filter(pk=person.pk).update(is_active=False)
    rebuild()
    assert not _shown(person).is_active


@pytest.mark.usefixtures("lagging")
def test_keys_are_made_and_revoked_where_they_are_written(person: Any) -> None:
    """A key works though no replica knows it, and is dead though a replica still has it."""
    from django_site.contract import guards
    from django_site.keys.issue import create_key, revoke_keys
    from django_site.keys.models import ApiKey
    from django_site.publishing.rebuild import rebuild

    _, token = create_key(person, name="a", scopes=["jobs:read"], expires_in_days=1)
    rebuild()
    assert guards().identify_key(token).principal.id == str(person.pk)
    assert revoke_keys(ApiKey.objects.of(person), by=person) == 1
    rebuild()
    with pytest.raises(NotAuthenticated):
        guards().identify_key(token)
