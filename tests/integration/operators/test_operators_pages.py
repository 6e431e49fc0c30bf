"""The pages of operators: who sees them, that nothing is done unasked, and what is shown is text."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from flask import Flask

from flask_api.http.state import api_state
from flask_api.jobs.history.hours import write_hours
from flask_api.testing import running_api
from shared.http.beside import API
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import (
    SAMPLE_TASKS,
    Visitor,
    new_browser,
    new_visitor,
    submit,
)
from tests.waiting import wait_until

LOOKS = (
    "/operators/",
    "/operators/timeline/",
    "/operators/jobs/",
    "/operators/failures/",
    "/operators/times/",
    "/operators/record/",
)
RECORD_IN_ADMIN = "/admin/gatehouse_principals/operator/"
HOSTILE = "<script>alert(1)</script>\u202egnp"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;\u27e8U+202E\u27e9gnp"


@pytest.fixture
def operated(
    api_settings: ApiSettings, tmp_path: Path, admin: redis.Redis, site: None
) -> Iterator[Flask]:
    """An API without other tests' jobs."""
    for name in admin.scan_iter("gatehouse:jobs:*"):
        admin.delete(name)
    files = f"file://{tmp_path / 'files'}"
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), job_files_url=files) as app:
        yield app


def _person(app: Flask, *permissions: str, **fields: Any) -> Visitor:
    """Return a person whose browser finds the API beside the site."""
    from django.contrib.auth.models import Permission

    visitor = new_visitor(**fields)
    found = Permission.objects.filter(codename__in=permissions)
    assert found.count() == len(permissions)
    visitor.person.user_permissions.set(found)
    _with_api(visitor.browser, app)
    return visitor


def _with_api(browser: Client, app: Flask) -> Client:
    """Give a browser's site the API at its side."""
    found: dict[str, Any] = browser.defaults
    found |= {API: app.wsgi_app, "HTTP_HOST": "localhost"}
    return browser


def _operator(app: Flask) -> Visitor:
    return _person(app, "operate_jobs", is_staff=True)


def _text(visitor: Visitor, path: str, status: int = 200) -> str:
    answer = visitor.browser.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def _act(visitor: Visitor, do: str, *jobs: str, sure: bool = False) -> str:
    sent: dict[str, Any] = {"do": do, "job": jobs, "list": "?status=ended&evil=1"}
    more = {"sure": "yes"} if sure else {}
    answer = visitor.browser.post("/operators/jobs/act/", {**sent, **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_are_for_viewers_and_acts_for_operators(operated: Flask) -> None:
    """A visitor is sent to log in, everybody else is told no, and a form of elsewhere is refused."""
    olga, vera = _operator(operated), _person(operated, "view_operations", is_staff=True)
    acts = [
        ("/operators/pause/", {"which": "task:sample.echo"}),
        ("/operators/resume/", {"which": "task:sample.echo"}),
        ("/operators/jobs/act/", {"do": "delete", "sure": "yes", "job": "x"}),
    ]
    others = [
        _person(operated),
        _person(operated, is_staff=True),
        _person(operated, "operate_jobs", "view_operations"),
    ]
    for other in others:
        for path in LOOKS:
            assert "Everybody" not in _text(other, path, 403)
        assert "/operators/" not in _text(other, "/")
        api = other.browser.defaults.pop(API)
        assert {other.browser.get(path).status_code for path in LOOKS} == {403}, "nobody is asked"
        assert {other.browser.post(path, body).status_code for path, body in acts} == {403}
        other.browser.defaults[API] = api
        assert other.browser.get(RECORD_IN_ADMIN).status_code in (302, 403)
    for path in LOOKS:
        assert _with_api(new_browser(), operated).get(path).status_code == 302
        for viewer in (olga, vera):
            _text(viewer, path)
    for path, body in acts:
        assert vera.browser.post(path, body).status_code == 403
        assert olga.browser.get(path).status_code == 405
        strict = _with_api(Client(enforce_csrf_checks=True, REMOTE_ADDR="198.18.7.7"), operated)
        strict.cookies["sessionid"] = olga.cookie
        assert strict.post(path, body).status_code == 403
    assert 'name="which"' not in _text(vera, "/operators/")
    assert 'name="which"' in _text(olga, "/operators/")
    assert "/operators/" in _text(vera, "/")
    assert "No operator has done anything yet" in _text(olga, "/operators/record/")
    assert "No operator has done anything yet" in _text(vera, RECORD_IN_ADMIN)


def test_pause_is_seen_by_everybody_whose_job_waits(operated: Flask) -> None:
    """With its reason, as text; resumed, the job runs; a name that is none changes nothing."""
    olga, ada = _operator(operated), _person(operated)
    sent = {"which": "task:sample.echo", "note": HOSTILE}
    page = olga.browser.post("/operators/pause/", sent, follow=True).content.decode()
    assert "Paused: nothing of sample.echo begins any more." in page
    assert SHOWN in page
    wait_until(lambda: _is_paused(operated), timeout_s=2, what="the process knows")
    job = submit(operated, ada, "sample.echo")
    assert f"An operator has paused it: {SHOWN}" in _text(ada, "/jobs/")
    for which in ("", "task:no.such", "planet:earth", "task:" + "x" * 500):
        page = olga.browser.post(
            "/operators/pause/", {"which": which}, follow=True
        ).content.decode()
        assert "Choose a task or an executor first." in page, which
    olga.browser.post("/operators/resume/", {"which": "task:sample.echo"})
    wait_until(lambda: "Succeeded" in _text(ada, f"/jobs/{job}/"), timeout_s=5)
    record = _text(olga, "/operators/record/")
    assert record.count("task sample.echo") == 2
    assert SHOWN in record


def test_timeline_draws_what_ran_and_says_it_in_numbers(operated: Flask) -> None:
    """One lane for a process and executor, a bar for each job of everybody's; another number of
    minutes than is offered is the usual one. Nothing of what jobs were given is there."""
    olga, ada = _operator(operated), _person(operated)
    assert "Nothing ran in the last 10 minutes." in _text(olga, "/operators/timeline/?minutes=1e9")
    job = submit(operated, ada, "sample.echo", wait=10, value="a secret")
    page = _text(olga, "/operators/timeline/?minutes=2")
    said = "1 attempt in the last 2 minutes, 0 of them still running."
    assert f'aria-label="{said}"' in page
    assert said in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert page.count('class="bar-succeeded"><title>sample.echo: succeeded, ') == 1
    place = f"threads {api_state(operated).engine.instance[:6]}"
    assert f"{place}</text>" in page
    assert f">{place}</span></th>" in page
    assert f'href="/jobs/{job}/"' in page
    assert "a secret" not in page


def test_nothing_is_done_with_many_before_it_is_confirmed(operated: Flask) -> None:
    """Then it is said what came of it; the list keeps its filters, and the record tells whose."""
    olga, ada = _operator(operated), _person(operated)
    ids = [submit(operated, ada, "sample.echo", wait=5, value=HOSTILE) for _ in range(2)]
    question = _act(olga, "delete", *ids, "no-id", ids[0])
    assert "Delete 2 jobs?" in question
    assert question.count('name="job"') == 2
    assert ada.person.username in question
    assert ids[0] in _text(ada, "/jobs/")
    page = _act(olga, "delete", *ids, "00000000-0000-7000-8000-000000000000", sure=True)
    assert "2 deleted." in page
    assert "1 not: It is not there any more." in page
    assert '<option value="ended" selected>' in page
    assert "evil" not in page
    assert ids[0] not in _text(ada, "/jobs/")
    assert "Choose some jobs first." in _act(olga, "delete", sure=True)
    assert "Choose 100 at most." in _act(olga, "delete", *(f"{n:032x}" for n in range(101)))
    assert "Choose 100 at most." in _act(olga, "evil", ids[0])
    record = _text(olga, "/operators/record/")
    assert record.count("badge success") == 2
    assert ada.person.username in record
    assert ada.person.username in _text(olga, RECORD_IN_ADMIN)


def test_jobs_are_found_by_person_and_words(operated: Flask) -> None:
    """By name, address or id, whoever's they are; what they hold is text; nobody is said."""
    olga, ada, bob = _operator(operated), _person(operated), _person(operated)
    mine = submit(operated, ada, "sample.echo", wait=5, value=HOSTILE)
    theirs = submit(operated, bob, "sample.fail", wait=5, message="row 7 is wrong")

    def found(**query: str) -> set[str]:
        answer = olga.browser.get("/operators/jobs/", query)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert HOSTILE not in page
        return set(re.findall(r'name="job" value="([0-9a-f-]{36})"', page))

    assert found() == {mine, theirs}
    for who in (ada.person.username, ada.person.email.upper(), str(ada.person.pk)):
        assert found(person=who) == {mine}, who
    assert found(person="nobody", q="row") == set()
    assert found(person="\0") == found(person="9" * 30) == set()
    assert found(q="ROW wrong") == found(status="failed") == found(task="sample.fail") == {theirs}
    assert found(person=ada.person.username, q="gnp") == {mine}
    write_hours(api_state(operated).jobs_store, api_state(operated).engine.counts.tally)
    times = _text(olga, "/operators/times/")
    assert "sample.fail: 1 ended in 72 hours, 1 in the busiest" in times
    assert times.count("bar-failed") == 1
    failures = _text(olga, "/operators/failures/")
    assert "row 7 is wrong" in failures
    assert theirs in failures
    assert "Nothing failed" in _text(olga, "/operators/failures/?task=sample.echo")


def _is_paused(app: Flask) -> bool:
    return api_state(app).engine.pause_of("sample.echo") is not None
