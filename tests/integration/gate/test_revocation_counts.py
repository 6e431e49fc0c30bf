"""Revocation, counted (P9): many people are logged in, each is changed on Django's side,
and Flask's very next answer refuses.

40 people per change here; ``NIGHTLY_COUNT=1000`` for the long run (script/nightly).
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from flask import Flask

from flask_api.gate.requirements import staff_required
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import PASSWORD, Visitor, ask, new_visitor

COUNT = int(os.environ.get("NIGHTLY_COUNT", "40"))

pytestmark = [pytest.mark.usefixtures("site"), pytest.mark.timeout(120 + COUNT)]

GATED, STAFF_ONLY = "/api/me", "/api/staff-only"
Change = Callable[[Visitor], object]


@dataclass(frozen=True)
class Revocation:
    """One way to lose access. ``keys``: API keys end with it too;
    log-out and password are the session's own."""

    change: Change
    path: str = GATED
    keys: bool = True
    refused_with: int = 401


def _log_out(visitor: Visitor) -> None:
    assert visitor.browser.post("/accounts/logout/").status_code == 302


def _change_password(visitor: Visitor) -> None:
    # Another hash of the same password: its salt alone makes it another one,
    # and hashing anew would take most of the time.
    visitor.person.password = _other_hash()
    visitor.person.save()


def _deactivate(visitor: Visitor) -> None:
    visitor.person.is_active = False
    visitor.person.save()


def _demote(visitor: Visitor) -> None:
    visitor.person.is_staff = False
    visitor.person.save()


@cache
def _other_hash() -> str:
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


REVOCATIONS = {
    "log-out": Revocation(_log_out, keys=False),
    "password change": Revocation(_change_password),
    "deactivation": Revocation(_deactivate),
    "deletion": Revocation(lambda visitor: visitor.person.delete()),
    "demotion": Revocation(_demote, path=STAFF_ONLY, refused_with=403),
}


@pytest.fixture
def apps(api_settings: ApiSettings) -> Iterator[list[Flask]]:
    """Two instances of the API, as two processes have them, each with a view for staff only."""
    with running_api(api_settings) as first, running_api(api_settings) as second:
        for app in (first, second):
            app.add_url_rule("/staff-only", view_func=staff_required(_staff_only))
        yield [first, second]


def _staff_only() -> str:
    return "for staff"


def _credentials(visitor: Visitor, *, with_key: bool) -> list[dict[str, str]]:
    """Return the headers of each way in: the session, and a key where the change concerns keys."""
    found = [{"Cookie": f"sessionid={visitor.cookie}"}]
    if with_key:
        from django_site.keys.issue import create_key

        _, token = create_key(
            visitor.person, name="counted", scopes=["jobs:read"], expires_in_days=1
        )
        found.append({"Authorization": f"Bearer {token}"})
    return found


@pytest.mark.parametrize("revocation", REVOCATIONS.values(), ids=REVOCATIONS.keys())
def test_everyone_revoked_is_refused_on_the_very_next_request(
    apps: list[Flask], revocation: Revocation
) -> None:
    """All of them, by both instances and every credential, right after all of these were let in."""
    people = [new_visitor(is_staff=True) for _ in range(COUNT)]
    known = [_credentials(visitor, with_key=revocation.keys) for visitor in people]
    refused = 0
    for number, (visitor, ways_in) in enumerate(zip(people, known, strict=True)):
        # Another instance and another credential is the first to be asked, each time.
        order = _rotated(list(itertools.product(apps, ways_in)), number)
        for app, headers in order:
            assert _status(app, revocation.path, headers) == 200
        revocation.change(visitor)
        answers = [_status(app, revocation.path, headers) for app, headers in order]
        refused += answers == [revocation.refused_with] * len(order)
    assert refused == COUNT


def test_person_next_to_the_revoked_ones_is_let_in_all_the_time(apps: list[Flask]) -> None:
    """The control: what the counts show is the change, not a gate that is shut."""
    stays, goes = new_visitor(), new_visitor()
    _deactivate(goes)
    assert [_status(app, GATED, {"Cookie": f"sessionid={stays.cookie}"}) for app in apps] == [
        200,
        200,
    ]
    assert [_status(app, GATED, {"Cookie": f"sessionid={goes.cookie}"}) for app in apps] == [
        401,
        401,
    ]


def _rotated(ways: list[Any], number: int) -> list[Any]:
    start = number % len(ways)
    return ways[start:] + ways[:start]


def _status(app: Flask, path: str, headers: dict[str, str]) -> int:
    return ask(app, path, headers=headers).status_code
