"""Principals say what Django's database says, whoever writes last, and are rebuilt from it."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import redis
from django.core.management import call_command

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import principal_entry
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as client:
        yield client


@pytest.fixture
def person(new_person: "Callable[..., User]") -> "User":
    """Somebody who is logged in."""
    from django.test import Client

    person = new_person()
    Client().force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return person


def _groups_and_permissions(person: "User") -> None:
    from django.contrib.auth.models import Group, Permission

    group = Group.objects.create(name=f"group of {person.pk}")
    group.permissions.add(*Permission.objects.filter(codename__startswith="view_")[:2])
    person.groups.add(group)
    person.user_permissions.add(Permission.objects.filter(codename__startswith="change_")[0])


def test_permissions_built_in_bulk_are_djangos_own(new_person: "Callable[..., User]") -> None:
    """Four queries for a chunk give what ``get_all_permissions`` gives one by one:
    staff, superuser, inactive, groups."""
    from django_site.accounts.models import User
    from django_site.principals.build import build_principals

    people = [
        new_person(),
        new_person(is_superuser=True),
        new_person(is_active=False),
        new_person(is_staff=True),
    ]
    _groups_and_permissions(people[0])
    _groups_and_permissions(people[2])
    rows = list(User.objects.filter(pk__in=[person.pk for person in people]))
    for row, principal in zip(rows, build_principals(rows), strict=True):
        assert principal.permissions == row.get_all_permissions()
        assert principal.auth_hash == row.get_session_auth_hash()
        assert principal.groups == set(row.groups.values_list("name", flat=True))


def test_slow_publisher_never_overwrites_a_newer_principal(
    person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that read the row before a deactivation does not bring the person back:
    its version is the older one."""
    from django_site.accounts.models import User
    from django_site.principals import publish
    from django_site.principals.build import build_principals

    read, overtaken = build_principals, False

    def overtake(users: list["User"]) -> object:
        nonlocal overtaken
        principals = list(read(users))
        if not overtaken:  # between this read and its write, somebody deactivates the person
            overtaken = True
            person.is_active = False
            person.save()
        return iter(principals)

    User.objects.filter(pk=person.pk).update(email="changed@example.org")
    monkeypatch.setattr(publish, "build_principals", overtake)
    publish.publish([person.pk])
    principal = publish.find_principal(str(person.pk))
    assert principal is not None
    assert not principal.is_active


def test_rebuild_restores_a_flushed_redis_and_prunes_strangers(
    person: "User", admin: redis.Redis
) -> None:
    """``publish_principals`` writes who is there and removes who is not."""
    for name in admin.scan_iter(match=principal_entry("*")):
        admin.delete(name)
    admin.set(principal_entry("999999"), "left over")
    admin.set(principal_entry("not-a-number"), "left over")
    output = io.StringIO()
    call_command("publish_principals", stdout=output)
    assert admin.exists(principal_entry(str(person.pk))) == 1
    assert admin.exists(principal_entry("999999"), principal_entry("not-a-number")) == 0
    assert "2 removed" in output.getvalue()
    output.truncate(0)
    call_command("publish_principals", stdout=output)
    assert " with a live session or key: 0 published, 0 removed;" in output.getvalue()


def test_rebuild_signs_anew_what_an_older_secret_signed(person: "User", admin: redis.Redis) -> None:
    """After rotation every principal gets the first secret's signature,
    so that the old one can be removed."""
    from django_site.contract import contract_settings, entry_signer
    from django_site.principals.publish import find_principal
    from django_site.publishing.rebuild import rebuild
    from shared.contract.principal import encode_principal
    from shared.contract.signing import EntrySigner

    old = "an older secret of more than 32 characters"
    principal = find_principal(str(person.pk))
    assert principal is not None
    entry = principal_entry(str(person.pk))
    admin.set(entry, encode_principal(EntrySigner([old]), principal))
    rotating = EntrySigner([*contract_settings().secrets, old])
    assert not rotating.is_current(entry, str(admin.get(entry)))
    rebuild()
    assert entry_signer().is_current(entry, str(admin.get(entry)))


def test_reconciler_sees_a_change_that_sent_no_signal(person: "User", admin: redis.Redis) -> None:
    """``QuerySet.update(is_active=False)`` reaches the API without anybody publishing it."""
    from django_site.accounts.models import User
    from django_site.principals.publish import find_principal
    from django_site.publishing.reconciler import Reconciler

    User.objects.filter(pk=person.pk).update(is_active=False)
    admin.delete("gatehouse:lock:reconcile")
    reconciler = Reconciler(pass_s=0.2)
    reconciler.start()
    try:
        wait_until(
            lambda: (
                (principal := find_principal(str(person.pk))) is not None
                and not principal.is_active
            ),
            timeout_s=20,
            what="the deactivation is published",
        )
    finally:
        reconciler.stop()


def test_reconciling_keeps_the_promise_of_sixty_seconds() -> None:
    """Two passes, and between them the lease of a process that died, are within a minute."""
    from django_site.publishing.lease import LEASE_S
    from django_site.publishing.reconciler import PASS_S

    assert 2 * PASS_S + LEASE_S <= 60


def test_one_process_reconciles_until_it_stops(admin: redis.Redis) -> None:
    """Many server processes, one lease; who has it keeps it, and leaves it to another at its end."""
    from django_site.publishing.reconciler import Reconciler

    admin.delete("gatehouse:lock:reconcile")
    one, other = Reconciler(), Reconciler()
    assert [each._lease.hold() for each in (one, other, one, other)] == [True, False, True, False]
    other.stop()
    assert one._lease.hold()
    one.stop()
    assert other._lease.hold()
    admin.pexpire("gatehouse:lock:reconcile", 1)
    wait_until(one._lease.hold, timeout_s=5, what="the lease of a process that died has ended")
    assert not other._lease.hold()
    one.stop()


@pytest.mark.parametrize("why", ["stopping", "lost the lease"])
def test_pass_ends_after_a_slice_when_it_must(admin: redis.Redis, why: str) -> None:
    """A graceful stop waits for one slice of people, not for all; and who was too slow to renew the
    lease leaves the rest to the process that has it now."""
    from django_site.publishing.rebuild import Rebuilt
    from django_site.publishing.reconciler import Reconciler

    reconciler, done = Reconciler(), list[int]()

    def slices() -> Iterator[tuple[str, Rebuilt]]:
        for number in range(3):
            done.append(number)
            yield "people", Rebuilt(seen=1)

    if why == "stopping":
        reconciler.stopping.set()
    admin.set("gatehouse:lock:reconcile", "another's" if why == "lost the lease" else "", ex=5)
    reconciler._pass(slices(), None)
    assert done == [0]
    admin.delete("gatehouse:lock:reconcile")
