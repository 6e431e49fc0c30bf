"""Keys in the database and in the session store:
they change together, and what drifts apart is repaired."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.api_keys import encode_key, new_key
from shared.contract.entries import digest, key_entry, key_entry_of_digest
from shared.errors import SessionStoreUnavailable
from tests.integration.keys.keys_site import (
    hanging,
    identify,
    is_refused,
    keys_of,
    total,
)

if TYPE_CHECKING:
    from django_site.accounts.models import User
    from django_site.keys.models import ApiKey


def make(person: "User", **fields: Any) -> "tuple[ApiKey, str]":
    """A key of this person."""
    from django_site.keys.issue import create_key

    return create_key(
        person, **{"name": "a", "scopes": ["jobs:read"], "expires_in_days": 1, **fields}
    )


def drop(token: str) -> None:
    """Take the key's entry away, as a flushed Redis does."""
    from django_site.contract import session_store

    session_store().write(lambda client: client.delete(key_entry(token)))


def _delete_and_fail(key: "ApiKey") -> None:
    key.delete()
    raise RuntimeError("a bug")


def published(token_digest: str) -> bool:
    """Tell whether there is an entry."""
    from django_site.contract import session_store

    return bool(
        session_store().read(lambda client: client.exists(key_entry_of_digest(token_digest)))
    )


def test_key_dies_with_its_person(person: "User") -> None:
    """Deleting the person deletes the rows and their entries."""
    key, token = make(person)
    person.delete()
    assert is_refused(token)
    assert not published(key.token_digest)


def test_deactivated_persons_key_is_refused(person: "User") -> None:
    """And accepted again when they come back."""
    _, token = make(person)
    person.is_active = False
    person.save()
    assert is_refused(token)
    person.is_active = True
    person.save()
    assert not is_refused(token)


def test_row_changed_by_code_is_published_after_commit(person: "User") -> None:
    """What the gate sees is never ahead of the database, and a rolled-back change is never seen."""
    key, token = make(person)
    with transaction.atomic():
        key.scopes = ["jobs:cancel"]
        key.save()
        assert identify(token).has_scope("jobs:read")
    assert not identify(token).has_scope("jobs:read")
    with pytest.raises(RuntimeError), transaction.atomic():
        _delete_and_fail(key)
    assert not is_refused(token)


@pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
def test_row_saved_as_over_is_withdrawn(person: "User", field: str) -> None:
    """Revoked or expired by code."""
    key, token = make(person)
    setattr(key, field, timezone.now())
    key.save()
    assert is_refused(token)


def test_creation_during_an_outage_leaves_no_row(person: "User", valkey: EmbeddedValkey) -> None:
    """Nobody is handed a key that doesn't work."""
    with hanging(valkey), pytest.raises(SessionStoreUnavailable):
        make(person)
    assert keys_of(person) == []


def test_revocation_during_an_outage_changes_nothing(
    person: "User", valkey: EmbeddedValkey
) -> None:
    """Nobody is told that a key is dead while it is not."""
    from django_site.keys.issue import revoke_keys
    from django_site.keys.models import ApiKey

    key, token = make(person)
    with hanging(valkey), pytest.raises(SessionStoreUnavailable):
        revoke_keys(ApiKey.objects.of(person), by=person)
    key.refresh_from_db()
    assert key.revoked_at is None
    from django_site.keys.publish import rebuild_keys

    total(rebuild_keys())
    assert not is_refused(token)


def test_deletion_during_an_outage_is_made_good_by_the_rebuild(
    person: "User", valkey: EmbeddedValkey
) -> None:
    """Code that deletes a row isn't stopped by Redis; the entry goes as soon as it can."""
    from django_site.keys.publish import rebuild_keys

    key, token = make(person)
    with hanging(valkey):
        key.delete()
    assert total(rebuild_keys()).pruned >= 0
    assert is_refused(token)


def test_rebuild_repairs_all_that_drifted(new_person: "Callable[..., User]") -> None:
    """Missing, forged and outdated entries are written; those without a live row are pruned;
    the rest is left alone."""
    from django_site.contract import session_store
    from django_site.keys.models import ApiKey
    from django_site.keys.publish import rebuild_keys

    total(rebuild_keys())
    person = new_person()
    missing, forged, outdated, revoked, good = (make(person, name=name) for name in "abcde")
    drop(missing[1])
    session_store().write(lambda client: client.set(key_entry(forged[1]), "nonsense"))
    ApiKey.objects.filter(pk=outdated[0].pk).update(scopes=[])
    ApiKey.objects.filter(pk=revoked[0].pk).update(revoked_at=timezone.now())
    session_store().write(lambda client: client.set(f"{key_entry_of_digest('')}no digest", "x"))
    done = total(rebuild_keys())
    assert (done.written, done.pruned) == (3, 2)
    assert [is_refused(token) for _, token in (missing, forged, outdated, revoked, good)] == [
        False
    ] * 3 + [True, False]
    assert not identify(outdated[1]).has_scope("jobs:read")
    again = total(rebuild_keys())
    assert (again.seen, again.written, again.pruned) == (done.seen, 0, 0)


def test_rebuild_of_many_keys_reads_in_chunks(new_person: "Callable[..., User]") -> None:
    """More than fit in one chunk, in a few queries."""
    from django.test.utils import CaptureQueriesContext

    from django_site.keys.models import ApiKey
    from django_site.keys.publish import rebuild_keys

    total(rebuild_keys())
    person, soon = new_person(), timezone.now() + timedelta(days=1)
    ApiKey.objects.bulk_create(
        ApiKey(user=person, name="x", token_digest=digest(new_key()), expires_at=soon)
        for _ in range(1200)
    )
    assert total(rebuild_keys()).written == 1200
    with CaptureQueriesContext(connection) as queries:
        assert total(rebuild_keys()).written == 0
    assert len(queries) < 20
    ApiKey.objects.of(person).delete()
    assert total(rebuild_keys()).pruned == 0


def test_key_that_is_just_being_made_survives_a_rebuild(person: "User") -> None:
    """A rebuild that sees its entry and no row yet prunes it; the commit publishes it again."""
    with transaction.atomic():
        _, token = make(person)
        drop(token)  # what a prune does that can't see the row
    assert not is_refused(token)


def test_slow_writer_does_not_bring_a_revoked_key_back(person: "User") -> None:
    """A rebuild that read the row before the revocation and writes after it writes nothing."""
    from django_site.keys import publish
    from django_site.keys.issue import revoke_keys
    from django_site.keys.models import ApiKey
    from django_site.publishing.versions import replace_entries

    key, token = make(person)

    def slow_read(version: int) -> Any:
        with transaction.atomic():
            wanted = publish._values([key.token_digest], version)
        revoke_keys(ApiKey.objects.of(person), by=person)
        return wanted

    assert replace_entries(slow_read) == 0
    assert is_refused(token)


def test_key_signed_with_a_retired_secret_is_signed_anew(person: "User") -> None:
    """Before the retired secret is taken off the list, every entry is signed with the first one."""
    from django_site.contract import contract_settings, entry_signer, session_store
    from django_site.keys import publish
    from shared.contract.signing import EntrySigner

    key, token = make(person)
    retired = EntrySigner([*contract_settings().secrets, "r" * 40][1:])
    value = encode_key(retired, key.token_digest, publish._record(key))
    session_store().write(lambda client: client.set(key_entry(token), value))
    assert total(publish.rebuild_keys()).written == 1
    stored = session_store().read(lambda client: client.get(key_entry(token)))
    assert entry_signer().is_current(key_entry(token), str(stored))


def test_simultaneous_creations_keep_the_limit(person: "User") -> None:
    """Eight at once where three are left: three succeed."""
    from django.core.exceptions import ValidationError

    from django_site.keys.issue import MAX_LIVE

    for _ in range(MAX_LIVE - 3):
        make(person)
    outcomes: list[str] = []

    def one() -> None:
        try:
            make(person)
            outcomes.append("made")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] * 3 + ["refused"] * 5
