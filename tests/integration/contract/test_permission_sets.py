"""Permissions have entries of their own: published with who has them, read by who asks for them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.apps import apps
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.extension import Gatehouse, current_principal
from flask_api.gate.requirements import login_required, permission_required, user_passes_test
from flask_api.gate.state import gate_state
from shared.contract.entries import permissions_entry, principal_entry
from shared.contract.permissions import digest_of
from shared.contract.signing import EntrySigner
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, admin_of, new_visitor

pytestmark = pytest.mark.usefixtures("site")

PERMISSION = "accounts.view_user"
Answer = Callable[[str, Visitor], int]


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


@pytest.fixture
def status(api_settings: ApiSettings) -> Iterator[Answer]:
    """How somebody's own Flask application answers a visitor."""
    app = Flask("theirs")
    Gatehouse(app, settings=api_settings)
    for name, gate in {
        "anyone": login_required,
        "permitted": permission_required(PERMISSION),
        "tested": user_passes_test(lambda who: PERMISSION in who.permissions, reason="No."),
    }.items():
        app.add_url_rule(f"/{name}", name, gate(_ask_twice if name == "permitted" else _name))
    yield (
        lambda path, visitor: (
            app.test_client(use_cookies=False)
            .get(path, headers={"Cookie": f"sessionid={visitor.cookie}"})
            .status_code
        )
    )
    gate_state(app).store.close()


def _name() -> str:
    return current_principal().username


def _ask_twice() -> str:
    return ",".join(sorted(current_principal().permissions))


def _permission() -> Any:
    return apps.get_model("auth", "Permission").objects.get(codename="view_user")


def permitted() -> Visitor:
    """Return somebody who has the permission."""
    visitor = new_visitor()
    visitor.person.user_permissions.add(_permission())
    return visitor


def _reads(admin: redis.Redis, ask: Callable[[], object]) -> dict[str, int]:
    names = ("get", "mget")
    before, _, after = admin.info("commandstats"), ask(), admin.info("commandstats")
    calls = [
        {name: int(seen.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in names}
        for seen in (before, after)
    ]
    return {name: calls[1][name] - calls[0][name] for name in names}


def test_only_a_view_that_asks_for_permissions_reads_them_and_once(
    status: Answer, admin: redis.Redis
) -> None:
    """One round trip for everybody else, whatever they may do."""
    visitor = permitted()
    status("/anyone", visitor)  # learns where the session leads
    assert _reads(admin, lambda: status("/anyone", visitor)) == {"get": 0, "mget": 1}
    assert _reads(admin, lambda: status("/permitted", visitor)) == {"get": 1, "mget": 1}


def test_superuser_is_let_in_without_reading(status: Answer, admin: redis.Redis) -> None:
    """A superuser has every permission, so there is nothing to look for."""
    visitor = new_visitor(is_superuser=True)
    status("/anyone", visitor)
    assert _reads(admin, lambda: status("/anyone", visitor)) == {"get": 0, "mget": 1}
    for name in admin.scan_iter(match=permissions_entry("*")):
        admin.delete(name)
    assert status("/tested", visitor) == 503
    visitor.person.save()
    assert status("/tested", visitor) == 200


def test_people_with_equal_sets_share_an_entry(admin: redis.Redis) -> None:
    """Whether by a group or by themselves; the principals hold no names."""
    one, other = permitted(), new_visitor()
    group = apps.get_model("auth", "Group").objects.create(name=f"of {other.person.username}")
    group.permissions.add(_permission())
    other.person.groups.add(group)
    values = [admin.get(principal_entry(str(each.person.pk))) for each in (one, other)]
    payloads = [_payload(each, value) for each, value in zip((one, other), values, strict=True)]
    digest = digest_of([PERMISSION])
    assert [payload["permission_set"] for payload in payloads] == [digest, digest]
    assert all("permissions" not in payload for payload in payloads)
    assert admin.exists(permissions_entry(digest))


def _payload(visitor: Visitor, value: Any) -> dict[str, Any]:
    from django_site.contract import entry_signer

    return entry_signer().unsign(principal_entry(str(visitor.person.pk)), value.decode())


def test_permission_given_and_taken_counts_on_the_next_request(status: Answer) -> None:
    """By the person's side, for a decorator and for a test of a view's own."""
    visitor = new_visitor()
    for change, expected in (("add", 200), ("remove", 403), ("add", 200)):
        getattr(visitor.person.user_permissions, change)(_permission())
        assert [status(path, visitor) for path in ("/permitted", "/tested")] == [expected] * 2


@pytest.mark.parametrize("damage", [None, b"not ours"])
def test_set_that_is_lost_is_an_outage_until_it_is_published_again(
    status: Answer, admin: redis.Redis, damage: bytes | None
) -> None:
    """503 and not 403 for who may; what asks for no permission goes on; the reconciler heals it."""
    from django_site.publishing.rebuild import rebuild

    visitor, entry = permitted(), permissions_entry(digest_of([PERMISSION]))
    admin.delete(entry)
    if damage is not None:
        admin.set(entry, damage)
    assert [status(path, visitor) for path in ("/permitted", "/anyone")] == [503, 200]
    rebuild()
    assert status("/permitted", visitor) == 200


def test_entry_of_an_earlier_release_lets_the_same_people_in(
    status: Answer, admin: redis.Redis
) -> None:
    """A list in the principal is read as it was; the next rebuild names a set instead."""
    from django_site.contract import entry_signer
    from django_site.publishing.rebuild import rebuild

    visitor = permitted()
    entry = principal_entry(str(visitor.person.pk))
    payload = _payload(visitor, admin.get(entry))
    del payload["permission_set"]
    admin.set(entry, entry_signer().sign(entry, {**payload, "permissions": [PERMISSION]}))
    admin.delete(permissions_entry(digest_of([PERMISSION])))
    assert [status(path, visitor) for path in ("/permitted", "/tested")] == [200, 200]
    rebuild()
    assert _payload(visitor, admin.get(entry))["permission_set"] == digest_of([PERMISSION])
    assert status("/permitted", visitor) == 200


def test_rebuild_signs_sets_anew_that_an_older_secret_signed(admin: redis.Redis) -> None:
    """Else the removal of that secret would be an outage for who has permissions."""
    from django_site.contract import contract_settings, entry_signer
    from django_site.publishing.rebuild import rebuild

    permitted()
    old, entry = (
        "an older secret of more than 32 characters",
        permissions_entry(digest_of([PERMISSION])),
    )
    admin.set(entry, EntrySigner([old]).sign(entry, {"v": 1, "permissions": [PERMISSION]}))
    assert not EntrySigner([*contract_settings().secrets, old]).is_current(
        entry, str(admin.get(entry))
    )
    rebuild()
    value = admin.get(entry)
    assert isinstance(value, bytes)
    assert entry_signer().is_current(entry, value.decode())
    assert entry_signer().unsign(entry, value.decode())["permissions"] == [PERMISSION]
