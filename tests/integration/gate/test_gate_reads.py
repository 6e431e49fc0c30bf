"""Django writes, Flask reads: the gate knows who is logged in, in one round trip to Redis,
and leaves no trace."""

from typing import Any

import pytest
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import session_entry
from tests.integration.gate.forging import Forge
from tests.integration.gate.gate_bench import admin_of, ask, log_in_again, new_visitor

pytestmark = pytest.mark.usefixtures("site")

# Every kind of answer: found, listed, accepted, refused, wrong.
A_WHOLE_RUN = (
    ("GET", "/api/me", None),
    ("GET", "/api/tasks", None),
    ("POST", "/api/jobs?wait=5", {"task": "primes.sum", "arguments": {"limit": 100}}),
    ("POST", "/api/jobs", {"task": "no.such", "arguments": {}}),
    ("POST", "/api/jobs", {"task": "primes.sum", "arguments": {"limit": "x"}}),
    ("GET", "/api/jobs?limit=1&status=succeeded", None),
    ("GET", "/api/jobs/00000000-0000-7000-8000-000000000000", None),
    ("DELETE", "/api/jobs", None),
    ("GET", "/api/health/live", None),
    ("GET", "/api/problems/queue_full", None),
    ("GET", "/api/nothing", None),
)


def _calls(admin: Any) -> dict[str, int]:
    statistics = admin.info("commandstats")
    return {name: int(line["calls"]) for name, line in statistics.items() if name != "cmdstat_info"}


def test_log_in_by_form_on_django_is_known_to_flask(api: Flask) -> None:
    """The cookie that Django's page sets names the person to the API,
    with all that it may know and no more."""
    visitor = new_visitor(by_form=True)
    answer = api.test_client(use_cookies=False).get(
        "/me", headers={"Cookie": f"sessionid={visitor.cookie}"}
    )
    assert answer.status_code == 200
    assert answer.get_json() == {
        "id": str(visitor.person.pk),
        "username": visitor.person.username,
        "email": visitor.person.email,
        "email_verified": True,
        "is_staff": False,
        "is_superuser": False,
        "permissions": [],
        "groups": [],
        "credential": {"kind": "session"},
    }


def test_two_browsers_of_one_person_and_two_people_are_kept_apart(api: Flask) -> None:
    """Each cookie gives its own person, in any order:
    nothing is kept from one request to the next."""
    first, second = new_visitor(), new_visitor()
    again = log_in_again(first.person)
    seen = [
        ask(api, "/api/me", cookie=v.cookie).get_json()["id"]
        for v in (first, second, again, first, second)
    ]
    assert seen == [str(v.person.pk) for v in (first, second, first, first, second)]


def test_identity_costs_one_round_trip_and_no_write(api: Flask, valkey: EmbeddedValkey) -> None:
    """The session and the principal are fetched afresh each time, together;
    WAIT in the same packet proves a primary."""
    visitor = new_visitor()
    ask(api, "/api/me", cookie=visitor.cookie)  # connects, and learns where the session leads
    with admin_of(valkey) as admin:
        before = _calls(admin)
        for _ in range(10):
            assert ask(api, "/api/me", cookie=visitor.cookie).status_code == 200
        after = _calls(admin)
    spent = {
        name: count - before.get(name, 0)
        for name, count in after.items()
        if count != before.get(name, 0)
    }
    assert spent == {"cmdstat_mget": 10, "cmdstat_wait": 10}


def test_flask_changes_neither_the_session_nor_its_lifetime(
    api: Flask, valkey: EmbeddedValkey, api_settings: Any
) -> None:
    """Bytes and expiry time of the entry are the same after a whole run of endpoints,
    and no answer sets a cookie."""
    visitor = new_visitor()
    with admin_of(valkey) as admin:
        entry = session_entry(visitor.cookie)
        before = (Forge(admin, api_settings).value_of(visitor.cookie), admin.pexpiretime(entry))
        for method, path, body in A_WHOLE_RUN:
            answer = ask(api, path, method=method, cookie=visitor.cookie, json=body)
            assert "Set-Cookie" not in answer.headers, path
        assert (
            Forge(admin, api_settings).value_of(visitor.cookie),
            admin.pexpiretime(entry),
        ) == before


def test_whole_run_of_endpoints_leaves_the_acl_log_empty(
    api: Flask, valkey: EmbeddedValkey
) -> None:
    """The API never even tries what its Redis user may not do."""
    visitor = new_visitor()
    with admin_of(valkey) as admin:
        admin.acl_log_reset()
        statuses = [
            ask(api, path, method=m, cookie=visitor.cookie, json=body).status_code
            for m, path, body in A_WHOLE_RUN
        ]
        assert admin.acl_log() == []
    assert statuses == [200, 200, 202, 404, 422, 200, 404, 405, 200, 200, 404]


def test_duplicate_session_cookies_are_refused_on_both_sides(api: Flask) -> None:
    """Django would take the last and Flask the first:
    neither side chooses, both answer 400 and set nothing."""
    visitor, other = new_visitor(), new_visitor()
    header = f"sessionid={visitor.cookie}; sessionid={other.cookie}"
    flask_answer = ask(api, "/api/me", headers={"Cookie": header})
    django_answer = visitor.browser.get("/", HTTP_COOKIE=header)
    assert (flask_answer.status_code, flask_answer.get_json()["code"]) == (
        400,
        "ambiguous_credentials",
    )
    assert django_answer.status_code == 400
    assert "Set-Cookie" not in flask_answer.headers
    assert not django_answer.cookies
    same_twice = f"sessionid={visitor.cookie}; a=b; sessionid={visitor.cookie}"
    assert ask(api, "/api/me", headers={"Cookie": same_twice}).status_code == 400


def test_other_cookies_beside_the_session_do_no_harm(api: Flask) -> None:
    """Names that only look alike are other cookies."""
    visitor = new_visitor()
    header = f"csrftoken=x; xsessionid=1; sessionid={visitor.cookie}; sessionid2=2; SESSIONID=3"
    assert ask(api, "/api/me", headers={"Cookie": header}).status_code == 200
