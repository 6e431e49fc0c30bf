"""Who sees a shared job, and who does not: everybody who doesn't is told the same."""

import base64
import logging
import secrets
from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask import Flask

from flask_api.jobs.records import keyspace
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.integration.sharing.share_bench import (
    READS,
    end,
    is_nothing,
    join,
    looks,
    run,
    share,
    try_share,
)

pytestmark = pytest.mark.usefixtures("site")


def test_each_audience_sees_and_all_others_do_not(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """The whole matrix: owner, named, not named, member, staff, superuser, by session and by key."""
    bob, carl, dora = new_visitor(), new_visitor(), join(new_visitor(), "analysts")
    staff = new_visitor(is_staff=True, is_superuser=True)
    viewers = {"owner": owner, "bob": bob, "carl": carl, "dora": dora, "staff": staff}
    sees = {
        "link": set(viewers),
        "people": {"owner", "bob"},
        "group": {"owner", "dora"},
    }
    terms: dict[str, dict[str, Any]] = {
        "link": {},
        "people": {"people": ["nobody-has-this", bob.person.username]},
        "group": {"group": "analysts"},
    }
    for audience, names in terms.items():
        url = share(app, owner, job["id"], audience=audience, **names)["url"]
        for name, viewer in viewers.items():
            answer = looks(app, url, viewer)
            if name in sees[audience]:
                assert answer.status_code == 200, (audience, name)
                assert answer.get_json()["result"]["made"] == "a result"
            else:
                assert all(is_nothing(looks(app, url + end, viewer)) for end in READS), name
        assert ask(app, url).status_code == 401, "nobody who is not logged in"


def test_who_leaves_the_group_or_is_deactivated_sees_nothing_from_the_next_request_on(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """What a person may see is decided at each look."""
    dora, bob = join(new_visitor(), "planners"), new_visitor()
    of_group = share(app, owner, job["id"], audience="group", group="planners")["url"]
    of_link = share(app, owner, job["id"])["url"]
    assert looks(app, of_group, dora).status_code == looks(app, of_link, bob).status_code == 200
    dora.person.groups.clear()
    assert is_nothing(looks(app, of_group, dora))
    bob.person.is_active = False
    bob.person.save()
    assert looks(app, of_link, bob).status_code == 401


def test_keys_look_with_the_scope_only(app: Flask, owner: Visitor, job: dict[str, Any]) -> None:
    """A key of a named person needs jobs:read, on every address; making needs two scopes."""
    from django_site.keys.issue import create_key

    bob = new_visitor()
    url = share(app, owner, job["id"], audience="people", people=[bob.person.username])["url"]

    def key_of(visitor: Visitor, *scopes: str) -> dict[str, str]:
        _, token = create_key(visitor.person, name="k", scopes=list(scopes), expires_in_days=1)
        return {"Authorization": f"Bearer {token}"}

    reader, other = key_of(bob, "jobs:read"), key_of(bob, "jobs:submit", "jobs:cancel")
    assert ask(app, url, headers=reader).status_code == 200
    assert [ask(app, url + part, headers=other).status_code for part in READS] == [403] * len(READS)
    path = f"/api/jobs/{job['id']}/shares"
    for scopes, status in ((("jobs:read",), 403), (("jobs:submit",), 403),
                           (("jobs:read", "jobs:submit"), 201)):  # fmt: skip
        answer = ask(app, path, method="POST", headers=key_of(owner, *scopes), json={})
        assert answer.status_code == status, scopes


@pytest.mark.parametrize("how", ["ended", "deleted", "owner gone"])
def test_what_has_ended_opens_nothing(
    app: Flask, owner: Visitor, job: dict[str, Any], how: str
) -> None:
    """From the next request on, in the words for what never was, on every address."""
    bob, made = new_visitor(), share(app, owner, job["id"])
    assert looks(app, made["url"], bob).status_code == 200
    if how == "ended":
        assert end(app, owner, made["id"]) == 204
    elif how == "deleted":
        path = f"/api/jobs/{job['id']}"
        assert ask(app, path, method="DELETE", cookie=owner.cookie).status_code == 204
    else:
        owner.person.is_active = False
        owner.person.save()
    assert all(is_nothing(looks(app, made["url"] + part, bob)) for part in READS)


def test_share_whose_time_is_over_opens_nothing(
    app: Flask, owner: Visitor, job: dict[str, Any], admin: redis.Redis
) -> None:
    """At its own time, though its entry were still there; with its job at the latest."""
    bob, made = new_visitor(), share(app, owner, job["id"], expires_in_s=60)
    name = f"gatehouse:jobs:share:{made['id']}"
    assert 0 < int(admin.ttl(name)) <= 60
    stored: Any = admin.get(name)
    over = stored.replace(b'"expires_at":', b'"expires_at":1,"was":')
    admin.set(name, over)
    assert is_nothing(looks(app, made["url"], bob))
    other = share(app, owner, job["id"], expires_in_s=30 * 86_400)
    assert other["expires_at"][:19] == job["expires_at"][:19]
    assert looks(app, other["url"], bob).status_code == 200
    admin.hset(keyspace.record(job["id"]), "expires_at", "2026-01-01T00:00:00.000Z")
    assert all(is_nothing(looks(app, other["url"] + part, bob)) for part in READS)


def test_guessed_and_altered_tokens_open_nothing(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """Any bit of it, a piece of it, ids of jobs and shares, what is no token: never a 500."""
    made = share(app, owner, job["id"])
    token = made["token"]
    flipped = [
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in (0, 21, 42)
    ]
    last = base64.urlsafe_b64encode(base64.urlsafe_b64decode(token + "=") + b"x").decode()
    wrong = [*flipped, token[:-1], f"{token}=", f"{token}A", last, token.swapcase()]
    wrong += [
        made["id"],
        job["id"],
        secrets.token_urlsafe(32),
        "x",
        "ü",
        "%00",
        "*" * 43,
        "a" * 5000,
    ]
    for each in wrong:
        assert is_nothing(looks(app, f"/api/shared/{each}", owner)), each
    assert looks(app, made["url"], owner).status_code == 200


VERBS = ("POST", "PUT", "PATCH", "DELETE")


def test_nothing_can_be_changed_and_nothing_else_be_reached(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """Cancel, retry, delete, sharing on, other jobs: 404 or 405 by every verb; the job stays."""
    bob, other = new_visitor(), run(app, owner, "shared.all")
    url = share(app, owner, job["id"], shows=["files", "arguments"])["url"]
    beyond = ("/cancel", "/retry", "/shares", "/share", "/onlookers", f"/jobs/{other['id']}",
              f"/../../jobs/{other['id']}", f"/files/../{other['id']}/notes.txt",
              f"/files/..%2F{other['id']}%2Fnotes.txt")  # fmt: skip
    for verb in VERBS:
        for part in (*READS, *beyond):
            for who in (bob, owner):
                answer = ask(app, url + part, method=verb, cookie=who.cookie, json={})
                assert answer.status_code in (404, 405), (verb, part)
    assert [looks(app, url + part, bob).status_code for part in beyond] == [404] * len(beyond)
    for each in (job, other):
        for part in ("", "/result", "/log", "/events", "/shares", "/onlookers"):
            assert looks(app, f"/api/jobs/{each['id']}{part}", bob).status_code == 404
    assert looks(app, f"/api/jobs/{job['id']}", owner).get_json() == job


@pytest.mark.parametrize("stranger", [new_visitor, lambda: new_visitor(is_staff=True)])
def test_only_the_owner_makes_lists_and_ends_shares(
    app: Flask, owner: Visitor, job: dict[str, Any], stranger: Callable[[], Visitor]
) -> None:
    """Not another person, not staff, not nobody, not another site's page."""
    made, other = share(app, owner, job["id"]), stranger()
    assert try_share(app, other, job["id"]).status_code == 404
    assert looks(app, f"/api/jobs/{job['id']}/shares", other).status_code == 404
    assert looks(app, "/api/shares", other).get_json() == {"shares": []}
    assert [end(app, other, each) for each in (made["id"], "0" * 64, "x")] == [404] * 3
    for method, path in (("POST", f"/api/jobs/{job['id']}/shares"),
                         ("DELETE", f"/api/shares/{made['id']}")):  # fmt: skip
        assert ask(app, path, method=method).status_code == 401
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            answer = ask(app, path, method=method, cookie=owner.cookie, headers=headers)
            assert answer.status_code == 403
    assert looks(app, made["url"], other).status_code == 200, "nothing has changed"


def test_log_and_redis_hold_no_token(
    app: Flask,
    owner: Visitor,
    job: dict[str, Any],
    admin: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who follows the address before they log in leaves a line that opens nothing; nor does a dump
    open anything."""
    made = share(app, owner, job["id"])
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        for path in (made["url"], f"{made['url']}/x", f"{made['url']}/log"):
            assert ask(app, path).status_code == 401
    paths = [vars(record)["path"] for record in caplog.records if record.getMessage() == "refused"]
    assert len(paths) == 3
    assert made["token"] not in str(paths)
    for name in admin.scan_iter("gatehouse:jobs:share*"):
        assert made["token"].encode() not in name
        is_text = admin.type(name) == b"string"
        kept: Any = admin.get(name) if is_text else admin.zrange(name, 0, -1)
        assert made["token"].encode() not in (kept if is_text else b"".join(kept))
