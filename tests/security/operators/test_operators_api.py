"""Who sees and does what as an operator, by the API; and that nothing is done without a record."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from flask_api.http.operators.access import OPERATE_PERMISSION, VIEW_PERMISSION
from flask_api.http.state import api_state
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job
from flask_api.testing import People, key_client, new_principal, session_client
from shared.contract.principal import Principal
from shared.errors import JobStoreUnavailable
from shared.settings import ApiSettings
from tests.waiting import wait_until

NOWHERE = "00000000-0000-7000-8000-000000000000"
LOOKS = [
    "/operate/overview",
    "/operate/jobs",
    "/operate/failures",
    "/operate/times",
    "/operate/timeline",
    "/operate/record",
]
PAUSE = ("/operate/pause", {"what": "task", "name": "sample.echo"})
RESUME = ("/operate/resume", {"what": "task", "name": "sample.echo"})
BULK = ("/operate/jobs", {"act": "cancel", "jobs": [NOWHERE]})
ACTS = [PAUSE, RESUME, BULK]
SECRET = "words that only some may read"


@pytest.fixture(autouse=True)
def _no_jobs_of_other_tests(admin: redis.Redis) -> None:
    """What operators see is everybody's: each test begins without jobs, pauses and a record."""
    for name in admin.scan_iter("gatehouse:jobs:*"):
        admin.delete(name)


@pytest.fixture
def people(api_settings: ApiSettings, writer: str) -> Iterator[People]:
    """Makes people and keys."""
    with People(api_settings, writer_url=writer) as people:
        yield people


def _session(app: Flask, people: People, person: Principal) -> FlaskClient:
    return session_client(app, people.new_session(people.add(person)))


def _statuses(client: FlaskClient) -> list[int]:
    looks = [client.get(path).status_code for path in LOOKS]
    return looks + [client.post(path, json=body).status_code for path, body in ACTS]


def _outcomes(client: FlaskClient) -> list[tuple[str, str, str]]:
    entries = client.get("/operate/record").get_json()["entries"]
    return [(each["act"], each["thing"], each["outcome"]) for each in entries]


def test_only_operators_are_let_in_and_viewers_only_look(app: Flask, people: People) -> None:
    """By session and by key: staff with the permission, and the scope; nothing is written before."""
    looks, acts = len(LOOKS), len(ACTS)
    assert _statuses(app.test_client()) == [401] * (looks + acts)
    refused = [
        new_principal("bob"),
        new_principal("sue", is_staff=True),
        new_principal("eve", permissions=[OPERATE_PERMISSION, VIEW_PERMISSION]),
    ]
    for person in refused:
        client = _session(app, people, person)
        assert _statuses(client) == [403] * (looks + acts), person.username
        assert client.post("/operate/pause", data=b"{" * 1000).status_code == 403
    viewer = people.add(new_principal("vera", is_staff=True, permissions=[VIEW_PERMISSION]))
    assert _statuses(_session(app, people, viewer)) == [200] * looks + [403] * acts
    operator = people.add(new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION]))
    others = ("jobs:read", "jobs:submit", "jobs:cancel", "jobs:operate")
    for person, scopes, expected in [
        (operator, others, [403] * (looks + acts)),
        (operator, ("operate:read",), [200] * looks + [403] * acts),
        (operator, ("operate:write",), [403] * looks + [200] * acts),
        (viewer, ("operate:read", "operate:write"), [200] * looks + [403] * acts),
        (people.add(refused[1]), ("operate:read", "operate:write"), [403] * (looks + acts)),
    ]:
        client = key_client(app, people.new_api_key(person, scopes=scopes))
        assert _statuses(client) == expected, (person.username, scopes)
    admin = people.add(new_principal("root", is_staff=True, is_superuser=True))
    assert _statuses(_session(app, people, admin)) == [200] * (looks + acts)


def test_acts_by_cookie_need_a_page_of_this_site(app: Flask, people: People) -> None:
    """Cross-site and same-site siblings are refused with nothing done."""
    olga = new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION])
    client = _session(app, people, olga)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        for path, body in ACTS:
            assert client.post(path, json=body, headers=headers).status_code == 403
    assert client.get("/operate/record").get_json()["entries"] == []


def test_bulk_acts_say_what_came_of_each_and_the_record_says_whose(
    app: Flask, people: People
) -> None:
    """A job that ended is not cancelled, one that is gone is absent, and all the others are done;
    one's own too. A hundred at most."""
    ada, bob = people.add(new_principal("ada")), people.add(new_principal("bob"))
    olga = people.add(new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION]))
    client = _session(app, people, olga)
    waiting, ended = _submit(app, people, ada, delay_s=600), _submit(app, people, bob)
    wait_until(lambda: _listed(client, status="succeeded"), timeout_s=10)

    def do(act: str, *jobs: str) -> dict[str, Any]:
        answer = client.post("/operate/jobs", json={"act": act, "jobs": jobs})
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    first = do("cancel", waiting, ended, NOWHERE, waiting)
    assert (first["done"], first["absent"]) == ([waiting], [NOWHERE])
    assert [(each["id"], each["code"]) for each in first["refused"]] == [
        (ended, "illegal_transition")
    ]
    assert do("requeue", waiting)["done"] == [waiting]
    wait_until(lambda: len(_listed(client, status="succeeded")) == 2, timeout_s=10)
    assert do("delete", waiting, ended)["done"] == [waiting, ended]
    assert _listed(client) == []
    assert _outcomes(client) == [
        ("delete", f"job {ended}", "done"),
        ("delete", f"job {waiting}", "done"),
        ("requeue", f"job {waiting}", "done"),
        ("cancel", f"job {ended}", "refused: The job has ended already."),
        ("cancel", f"job {waiting}", "done"),
    ]
    entry = client.get("/operate/record?limit=1").get_json()["entries"][0]
    assert (entry["owner_id"], entry["by"], entry["username"]) == (bob.id, olga.id, "olga")
    assert (entry["address"], entry["key_id"]) == ("127.0.0.1", "")
    for jobs in ([NOWHERE] * 101, [], ["x"], [NOWHERE, 7], "all"):
        body = {"act": "cancel", "jobs": jobs}
        assert client.post("/operate/jobs", json=body).status_code == 422, jobs
    assert client.post("/operate/jobs", json={"act": "run", "jobs": [NOWHERE]}).status_code == 422


def test_single_acts_on_another_persons_are_in_the_record(app: Flask, people: People) -> None:
    """By the endpoints that everybody uses too, with what came of them; one's own are not."""
    ada = people.add(new_principal("ada"))
    olga = people.add(new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION]))
    scopes = ("jobs:cancel", "jobs:submit", "jobs:operate")
    client = key_client(app, people.new_api_key(olga, scopes=scopes))
    theirs, own = _submit(app, people, ada, delay_s=600), _submit(app, people, olga, delay_s=600)
    assert client.delete(f"/jobs/{theirs}").status_code == 409
    assert client.post(f"/jobs/{theirs}/cancel").status_code == 200
    assert client.post(f"/jobs/{own}/cancel").status_code == 200
    looker = _session(app, people, olga)
    assert _outcomes(looker) == [
        ("cancel", f"job {theirs}", "done"),
        ("delete", f"job {theirs}", "refused: 409 CONFLICT"),
    ]
    entries = looker.get("/operate/record").get_json()["entries"]
    assert all(each["key_id"] and each["owner_id"] == ada.id for each in entries)


def test_what_can_not_be_recorded_is_not_done(app: Flask, people: People) -> None:
    """Nothing is paused, cancelled or deleted; a pause that was there already is recorded too."""
    ada = people.add(new_principal("ada"))
    olga = new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION])
    client, job = _session(app, people, olga), _submit(app, people, ada, delay_s=600)
    store = api_state(app).jobs_store
    store.write(lambda redis: redis.set(keyspace.AUDIT, "not a stream"))
    try:
        assert client.post(PAUSE[0], json=PAUSE[1]).status_code >= 500
        bulk = {"act": "cancel", "jobs": [job]}
        assert client.post("/operate/jobs", json=bulk).status_code >= 500
        assert client.post(f"/jobs/{job}/cancel").status_code >= 500
    finally:
        store.write(lambda redis: redis.delete(keyspace.AUDIT))
    assert client.get("/operate/overview").get_json()["pauses"] == []
    assert [each["status"] for each in _listed(client)] == ["queued"]
    assert [client.post(PAUSE[0], json=PAUSE[1]).get_json()["changed"] for _ in "ab"] == [
        True,
        False,
    ]
    (paused,) = client.get("/operate/overview").get_json()["pauses"]
    assert (paused["name"], paused["by"], paused["is_known"]) == ("sample.echo", "olga", True)
    assert client.post(RESUME[0], json=RESUME[1]).get_json()["changed"] is True
    unknown = {"what": "task", "name": "no.such"}
    assert client.post(PAUSE[0], json=unknown).status_code == 422
    assert client.post(RESUME[0], json=unknown).get_json() == {"pauses": [], "changed": False}
    assert [outcome for _, _, outcome in _outcomes(client)] == [
        "refused: it was not paused",
        "done",
        "refused: it was paused already",
        "done",
    ]


def test_record_says_nothing_of_what_broke_off(
    app: Flask, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When Redis goes away between two jobs: done is what was done, the others' entries stay
    open."""
    ada = people.add(new_principal("ada"))
    olga = new_principal("olga", is_staff=True, permissions=[OPERATE_PERMISSION])
    client, engine = _session(app, people, olga), api_state(app).engine
    jobs = [_submit(app, people, ada, delay_s=600) for _ in range(3)]
    cancel = engine.cancel

    def break_off(job: Job) -> None:
        if job.id == jobs[1]:
            raise JobStoreUnavailable("Redis is away.")
        cancel(job)

    monkeypatch.setattr(engine, "cancel", break_off)
    assert client.post("/operate/jobs", json={"act": "cancel", "jobs": jobs}).status_code == 503
    assert [(thing, outcome) for _, thing, outcome in _outcomes(client)] == [
        (f"job {jobs[2]}", ""),
        (f"job {jobs[1]}", ""),
        (f"job {jobs[0]}", "done"),
    ]


def test_cursor_is_one_that_was_given(app: Flask, people: People) -> None:
    """400 for what no page ends with, and for a place in everybody's jobs among one person's."""
    viewer = new_principal("vera", is_staff=True, permissions=[VIEW_PERMISSION])
    client = _session(app, people, viewer)
    ended, unfinished = f"e:1795167000.25:{NOWHERE}", f"u:{NOWHERE}"
    right = {"": [ended, unfinished, f"e:1795167000:{NOWHERE}"], "&person=7": [NOWHERE]}
    wrong = {
        "": [f"e:1.2.3:{NOWHERE}", f"e:.:{NOWHERE}", f"e:1.:{NOWHERE}", NOWHERE],
        "&person=7": [ended, unfinished],
    }
    for status, cursors in ((200, right), (400, wrong)):
        for more, some in cursors.items():
            for cursor in some:
                answer = client.get(f"/operate/jobs?cursor={cursor}{more}")
                assert answer.status_code == status, (cursor, more)


def test_contents_are_for_keys_that_may_read_them(app: Flask, people: People) -> None:
    """Without jobs:read arguments and errors are withheld, and can't be searched for."""
    ada = people.add(new_principal("ada"))
    vera = people.add(new_principal("vera", is_staff=True, permissions=[VIEW_PERMISSION]))
    _submit(app, people, ada, task="sample.fail", arguments={"message": SECRET})
    narrow = key_client(app, people.new_api_key(vera, scopes=("operate:read",)))
    wide = key_client(app, people.new_api_key(vera, scopes=("operate:read", "jobs:read")))
    wait_until(lambda: _listed(wide, status="failed"), timeout_s=10)
    assert narrow.get(f"/operate/jobs?q={SECRET}").status_code == 403
    texts = [narrow.get(path).text for path in ("/operate/jobs", "/operate/failures")]
    assert not any(word in text for text in texts for word in (SECRET, "RuntimeError"))
    (group,) = wide.get("/operate/failures").get_json()["groups"]
    assert (group["type"], group["message"], group["count"]) == ("RuntimeError", SECRET, 1)
    (job,) = _listed(wide, q=SECRET)
    assert (job["arguments"], job["owner"]["id"]) == ({"message": SECRET}, ada.id)


def _submit(app: Flask, people: People, person: Principal, **body: Any) -> str:
    sent = {"task": "sample.echo", "arguments": {}, **body}
    answer = _session(app, people, person).post("/jobs", json=sent)
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])


def _listed(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/operate/jobs", query_string=query)
    assert answer.status_code == 200, answer.text
    jobs: list[dict[str, Any]] = answer.get_json()["jobs"]
    return jobs
