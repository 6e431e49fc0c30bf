"""The page that shows an operator a person's work: to whom, what, and that it acts as nobody."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from flask import Flask

from flask_api.http.state import api_state
from flask_api.jobs.records import keyspace
from flask_api.testing import running_api
from shared.http.beside import API
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import (
    SAMPLE_TASKS,
    Visitor,
    new_browser,
    new_visitor,
    submit,
    submit_batch,
)
from tests.waiting import wait_until

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
    visitor.person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    _beside(visitor.browser, app)
    return visitor


def _beside(browser: Client, app: Flask) -> Client:
    found: dict[str, Any] = browser.defaults
    found |= {API: app.wsgi_app, "HTTP_HOST": "localhost"}
    return browser


def _page(visitor: Visitor, path: str, status: int = 200) -> str:
    answer = visitor.browser.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def _section(page: str, name: str) -> str:
    return page.partition(f'<section class="rows-of" id="{name}"')[2].partition("</section>")[0]


def _forms(page: str) -> list[str]:
    return re.findall(r'<(?:form|button)[^>]*?(?:action|type)="([^"]*)"', page)


def test_person_is_shown_to_those_who_may_look_and_to_nobody_else(operated: Flask) -> None:
    """A visitor logs in first, others are told no before anybody is asked; who isn't there is 404.
    Nobody's look but that of who may is in the record."""
    vera, ada = _person(operated, "view_operations", is_staff=True), _person(operated)
    path = f"/operators/people/{ada.person.pk}/"
    assert _beside(new_browser(), operated).get(path).status_code == 302
    for other in (
        ada,
        _person(operated, is_staff=True),
        _person(operated, "operate_jobs", "view_operations"),
    ):
        other.browser.defaults.pop(API)
        assert ada.person.username not in _page(other, path, 403) or other is ada
    for nobody in ("9" * 30, "x", "%00", "-1", str(ada.person.pk + 10_000)):
        _page(vera, f"/operators/people/{nobody}/", 404)
    assert "No operator has done anything yet" in _page(vera, "/operators/record/")
    assert ada.person.username in _page(vera, path)
    record = _page(vera, "/operators/record/")
    assert f"Look at person {ada.person.pk}" in record
    assert ada.person.username in record
    assert record.count("badge success") == 1
    assert vera.browser.post(path).status_code == 405


def test_page_shows_their_work_as_text_and_acts_as_nobody(operated: Flask, tmp_path: Path) -> None:
    """What runs, waits and has ended, what is kept, when they were here; links lead to pages that
    operators see, and its forms are those of every page of operators."""
    olga, ada = _person(operated, "operate_jobs", is_staff=True), _person(operated)
    gate = tmp_path / "gate"
    ended = submit(operated, ada, "sample.echo", wait=5, value=HOSTILE)
    batch = submit_batch(operated, ada, "sample.echo", [{"value": 1}, {"value": 2}])
    running = submit(operated, ada, "sample.hold", wait=1, path=str(gate))
    found = _page(olga, f"/operators/jobs/?person={ada.person.username}")
    path = f"/operators/people/{ada.person.pk}/"
    assert f'href="{path}"' in found
    try:
        page = _page(olga, path)
    finally:
        gate.touch()
    assert f'href="/jobs/{running}/"' in _section(page, "running")
    assert "None." in _section(page, "waiting")
    assert {f'href="/jobs/{ended}/"', f'href="/batches/{batch}/"'} <= {
        *re.findall(r'href="[^"]*"', _section(page, "ended"))
    }
    assert SHOWN in page
    assert HOSTILE not in page
    assert "Last here" in page
    assert "Not logged in now" not in page
    assert re.search(r"<dt>Ended jobs</dt><dd>3 of [\d,]+</dd>", page)
    assert _forms(page) == _forms(_page(olga, "/operators/record/"))
    assert "sample.echo" in _page(olga, f"/jobs/{ended}/")


def test_page_shows_a_batch_that_runs_behind_newer_ones(operated: Flask, tmp_path: Path) -> None:
    """However many have ended since."""
    olga, ada = _person(operated, "operate_jobs", is_staff=True), _person(operated)
    gate = tmp_path / "gate"
    running = submit_batch(operated, ada, "sample.hold", [{"path": str(gate)}])
    for number in range(11):
        submit_batch(operated, ada, "sample.echo", [{"value": number}])
    path = f"/operators/people/{ada.person.pk}/"
    try:
        wait_until(
            lambda: f'href="/batches/{running}/"' in _section(_page(olga, path), "running"),
            timeout_s=10,
            what="it runs, and is shown to",
        )
    finally:
        gate.touch()


def test_look_that_can_not_be_recorded_shows_nothing(operated: Flask) -> None:
    """Neither what the API knows of the person, nor what the site does."""
    vera, ada = _person(operated, "view_operations", is_staff=True), _person(operated)
    store = api_state(operated).jobs_store
    store.write(lambda redis: redis.set(keyspace.LOOKS, "not a stream"))
    try:
        page = _page(vera, f"/operators/people/{ada.person.pk}/", 500)
    finally:
        store.write(lambda redis: redis.delete(keyspace.LOOKS))
    assert ada.person.username not in page
