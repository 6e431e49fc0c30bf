"""An operator looks at a person's work, by the API: who may, and that it is in the record first."""

from collections.abc import Iterator

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from flask_api.http.operators.access import OPERATE_PERMISSION, VIEW_PERMISSION
from flask_api.http.state import api_state
from flask_api.jobs.operating import audit
from flask_api.jobs.records import keyspace
from flask_api.testing import People, key_client, new_principal, session_client
from shared.contract.principal import Principal
from shared.settings import ApiSettings

_LAST_LOOKS = [("look at", f"person {number}") for number in (5, 4, 3, 2)]


@pytest.fixture(autouse=True)
def _no_record_of_other_tests(admin: redis.Redis) -> None:
    """The record is everybody's: each test begins without one."""
    for name in admin.scan_iter("gatehouse:jobs:*"):
        admin.delete(name)


@pytest.fixture
def people(api_settings: ApiSettings, writer: str) -> Iterator[People]:
    """Makes people and keys."""
    with People(api_settings, writer_url=writer) as people:
        yield people


@pytest.fixture
def vera(people: People) -> Principal:
    """Somebody who may look as operators do."""
    return people.add(new_principal("vera", is_staff=True, permissions=[VIEW_PERMISSION]))


def _session(app: Flask, people: People, person: Principal) -> FlaskClient:
    return session_client(app, people.new_session(people.add(person)))


def _looks(client: FlaskClient) -> list[tuple[str, str, str, str]]:
    entries = client.get("/operate/record").get_json()["entries"]
    return [(each["by"], each["act"], each["thing"], each["outcome"]) for each in entries]


def test_only_who_may_looks_and_each_look_is_in_the_record(
    app: Flask, people: People, vera: Principal
) -> None:
    """Staff with the permission, by session, or by a key with both scopes; others leave no line."""
    ada = people.add(new_principal("ada"))
    mine, path = _session(app, people, ada), f"/operate/people/{ada.id}"
    body = {"task": "sample.echo", "arguments": {}, "delay_s": 600}
    job = mine.post("/jobs", json=body).get_json()["id"]
    assert app.test_client().get(path).status_code == 401
    for person in (
        ada,
        new_principal("sue", is_staff=True),
        new_principal("eve", permissions=[OPERATE_PERMISSION, VIEW_PERMISSION]),
    ):
        assert _session(app, people, person).get(path).status_code == 403, person.username
    scopes = (("operate:read",), ("jobs:read",), ("operate:write", "jobs:read", "jobs:operate"))
    for each in scopes:
        assert key_client(app, people.new_api_key(vera, scopes=each)).get(path).status_code == 403
    client = _session(app, people, vera)
    assert _looks(client) == []
    both = key_client(app, people.new_api_key(vera, scopes=("operate:read", "jobs:read")))
    for looker in (client, both):
        seen = looker.get(path).get_json()
        assert [each["id"] for each in seen["waiting"]] == [job]
        assert seen["running"] == seen["ended"] == seen["batches"] == []
        own = mine.get("/me/usage").get_json()
        assert seen["usage"] == {kind: told for kind, told in own.items() if kind != "links"}
        assert seen["waiting"] == mine.get("/jobs").get_json()["jobs"]
    assert _looks(client) == [(vera.id, "look at", f"person {ada.id}", "done")] * 2
    assert {client.open(path, method=verb).status_code for verb in ("POST", "DELETE")} == {405}


def test_what_can_not_be_recorded_is_not_shown(app: Flask, people: People, vera: Principal) -> None:
    """Nothing of the person is in the answer; what is no id at all is 404, and in no record."""
    ada, client = people.add(new_principal("ada")), _session(app, people, vera)
    for no_id in ("a:b", "..%2f7", "x" * 65, "%00"):
        assert client.get(f"/operate/people/{no_id}").status_code == 404, no_id
    assert _looks(client) == []
    store = api_state(app).jobs_store
    store.write(lambda redis: redis.set(keyspace.LOOKS, "not a stream"))
    try:
        answer = client.get(f"/operate/people/{ada.id}")
    finally:
        store.write(lambda redis: redis.delete(keyspace.LOOKS))
    assert answer.status_code >= 500
    assert "usage" not in answer.text


def test_looks_push_no_deed_out_of_the_record(
    app: Flask, people: People, vera: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may only look can't make the record forget what was done: not by looking at many,
    or at ids that nobody has. Both are in one list by time, on pages too."""
    monkeypatch.setattr(audit, "MOST_KEPT", 3)
    monkeypatch.setattr(audit, "MOST_LOOKS", 4)
    olga = new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION])
    client = _session(app, people, olga)
    looker = _session(app, people, vera)
    looker.get("/operate/people/first")
    pause = {"what": "executor", "name": "threads", "note": ""}
    client.post("/operate/pause", json=pause)
    for number in range(6):
        assert looker.get(f"/operate/people/{number}").status_code == 200
    client.post("/operate/resume", json={"what": "executor", "name": "threads"})
    expected = [("resume", "executor threads"), *_LAST_LOOKS, ("pause", "executor threads")]
    assert [(act, thing) for _, act, thing, _ in _looks(client)] == expected
    assert {said for *_, said in _looks(client)} == {"done"}
    first = client.get("/operate/record?limit=3").get_json()
    rest = client.get(f"/operate/record?limit=3&cursor={first['next_cursor']}").get_json()
    shown = [(each["act"], each["thing"]) for each in (*first["entries"], *rest["entries"])]
    assert (shown, rest["next_cursor"]) == (expected, None)
