"""Redis has entries of who is there: who has a live session or key, and nobody else."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.core.management import call_command

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import principal_entry, sessions_of_entry
from tests.integration.gate.gate_bench import new_visitor

if TYPE_CHECKING:
    from django_site.accounts.models import User

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as client:
        yield client


def _entry(person: Any) -> str:
    return principal_entry(str(person.pk))


def _idle_s() -> int:
    from django_site.contract import contract_settings

    return contract_settings().session_idle_s


def _publish_principals() -> str:
    output = io.StringIO()
    call_command("publish_principals", stdout=output)
    return output.getvalue()


def test_principal_comes_with_the_log_in_and_is_renewed_with_the_session(
    admin: redis.Redis,
) -> None:
    """It ends after the session, by itself."""
    visitor = new_visitor()
    entry = _entry(visitor.person)
    assert _idle_s() < admin.ttl(entry) <= _idle_s() + 60
    admin.expire(entry, 100)
    session = visitor.browser.session
    session["used"] = True
    session.save()
    assert _idle_s() < admin.ttl(entry) <= _idle_s() + 60
    visitor.person.first_name = "Ada"
    visitor.person.save()
    assert _idle_s() < admin.ttl(entry) <= _idle_s() + 60


def test_who_signed_up_and_is_not_here_has_no_entry(
    new_person: "Callable[..., User]", admin: redis.Redis
) -> None:
    """Nor has who is changed while away; a deactivation is marked all the same."""
    person = new_person()
    person.is_staff = True
    person.save()
    assert not admin.exists(_entry(person))
    person.is_active = False
    person.save()
    assert not admin.exists(_entry(person))
    assert admin.exists(f"gatehouse:gone:of:{person.pk}")


def test_owner_of_a_key_stays_as_long_as_the_key(
    new_person: "Callable[..., User]", admin: redis.Redis
) -> None:
    """Without any session, and after the entry was lost."""
    from django_site.contract import guards
    from django_site.keys.issue import create_key
    from django_site.publishing.rebuild import reconcile_slices

    person = new_person()
    _, token = create_key(person, name="a", scopes=["jobs:read"], expires_in_days=30)
    assert 30 * 86_400 - 60 < admin.ttl(_entry(person)) <= 30 * 86_400 + 60
    admin.delete(_entry(person))
    assert list(reconcile_slices())
    assert guards().identify_key(token).principal.username == person.username
    assert admin.ttl(_entry(person)) > 29 * 86_400


def test_log_in_that_a_change_overtook_reads_again(
    new_person: "Callable[..., User]", admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change met nobody here and wrote nothing; what the log-in had read is older than it."""
    from django_site.principals import publish
    from django_site.principals.build import build_principals

    person, overtaken = new_person(), list[bool]()

    def overtake(users: "list[User]") -> Iterator[Any]:
        found = list(build_principals(users))
        if not overtaken:
            overtaken.append(True)
            person.is_staff = True
            person.save()
        return iter(found)

    monkeypatch.setattr(publish, "build_principals", overtake)
    publish.publish_with_session(person.pk)
    principal = publish.find_principal(str(person.pk))
    assert principal is not None
    assert principal.is_staff


def test_command_publishes_who_is_here_and_gives_what_was_there_an_end(
    new_person: "Callable[..., User]", admin: redis.Redis
) -> None:
    """After a lost Redis, and after an upgrade from when everybody had an entry for ever."""
    visitor, away, of_before = new_visitor(), new_person(), new_person()
    value = admin.get(_entry(visitor.person))
    for name in admin.scan_iter(match=principal_entry("*")):
        admin.delete(name)
    admin.set(_entry(of_before), str(value))
    _publish_principals()
    assert _idle_s() - 60 < admin.ttl(_entry(visitor.person)) <= _idle_s() + 60
    assert not admin.exists(_entry(away))
    assert 0 < admin.ttl(_entry(of_before)) <= 3600
    admin.persist(_entry(visitor.person))
    _publish_principals()
    assert _idle_s() - 60 < admin.ttl(_entry(visitor.person))
    assert _publish_principals().split(":")[1].startswith(" 0 published, 0 removed")


def test_who_logged_out_everywhere_is_not_published_again(admin: redis.Redis) -> None:
    """The set of their sessions may be there for days yet, and holds none that lives."""
    visitor = new_visitor()
    visitor.browser.logout()
    admin.delete(_entry(visitor.person))
    assert admin.exists(sessions_of_entry(str(visitor.person.pk)))
    _publish_principals()
    assert not admin.exists(_entry(visitor.person))
