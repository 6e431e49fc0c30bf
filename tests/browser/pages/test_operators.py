"""The pages of operators in a browser: nothing for axe to find, nothing too wide, in both schemes."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import resize
from tests.browser.pages.person import Person
from tests.browser.pages.test_axe import faults_of
from tests.browser.pages.test_fits import FAULTS, TOO_WIDE
from tests.e2e.service import PATIENT, Browser, ServiceProcess

MAKE = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from allauth.account.models import EmailAddress
make = get_user_model().objects.create_user
olga = make("olga", "olga@example.org", {password!r}, is_staff=True)
EmailAddress.objects.create(user=olga, email=olga.email, verified=True, primary=True)
olga.user_permissions.add(Permission.objects.get(codename="operate_jobs"))
"""


@pytest.fixture(scope="module")
def olga(service: ServiceProcess) -> Browser:
    """An operator's session, with something to look at: jobs, failures, a pause, a record."""
    password = secrets.token_urlsafe(16)
    service.run("manage.py", "shell", "--no-imports", "-c", MAKE.format(password=password))
    olga, demo = service.new_browser(), service.new_browser()
    form = {"login": "olga", "password": password}
    assert olga.send_form("/accounts/login/", form).status_code == 302
    demo.log_in(tries=PATIENT)
    long = "w" * 400
    for task, arguments in (
        ("forms.refuse", {"text": long}),
        ("forms.hostile", {"text": long}),
        ("forms.table", {"rows": 3}),
    ):
        sent = {"task": task, "arguments": arguments}
        demo.http.post("/api/jobs", json=sent, params={"wait": "5"})
    later = {"task": "primes.sum", "arguments": {"limit": 5}, "delay_s": 600}
    job = demo.http.post("/api/jobs", json=later).json()["id"]
    olga.send_form(
        "/operators/pause/", {"which": "task:tables.parse", "note": long}, page="/operators/"
    )
    sent_form = {"do": "cancel", "sure": "yes", "job": job, "list": ""}
    olga.send_form("/operators/jobs/act/", sent_form, page="/operators/jobs/")
    return olga


@pytest.fixture
def operator(
    service: ServiceProcess, olga: Browser, open_browser: Callable[..., Chrome]
) -> Iterator[Callable[..., Person]]:
    """A function that opens a browser as the operator."""
    opened: list[Person] = []

    def open_one(*, width: int) -> Person:
        opened.append(Person(open_browser(width=width), service.address, olga))
        return opened[-1]

    yield open_one
    for person in opened:
        assert person.complaints() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_of_operators_are_accessible_and_fit(
    operator: Callable[..., Person], width: int
) -> None:
    """Each of them, and the question before many are deleted; by the keyboard and without scripts:
    there are none."""
    olga = operator(width=width)
    paths = ["", "jobs/", "jobs/?q=nowhere", "failures/", "times/", "record/"]
    faults = {path: _look(olga, f"/operators/{path}", width) for path in paths}
    assert {path: found for path, found in faults.items() if found} == {}
    olga.go("/operators/jobs/?status=ended")
    assert olga.count("main script, script") == 0
    olga.tab_to(".tick")
    # on from the last row: before it each job is a few stops, and other tests leave many
    olga.browser.execute_script("[...document.querySelectorAll('.tick')].at(-1).focus()")
    olga.press(" ")
    olga.tab_to("#many button[value=delete]")
    olga.press("\n")
    olga.until(lambda: "Delete 1 job?" in olga.text(".sure h2"), "it is asked")
    resize(olga.browser, width=width)  # a form's answer may come in a process that does not know it
    assert olga.browser.execute_script(TOO_WIDE, width) == []
    assert olga.browser.execute_script(FAULTS) == []
    olga.find(".sure .actions a").click()
    olga.until(lambda: olga.count(".job-row") >= 4, "nothing is deleted")


def _look(olga: Person, path: str, width: int) -> list[object]:
    resize(olga.browser, width=width)  # before the page is there: it is laid out once
    olga.go(path)
    wide = olga.browser.execute_script(TOO_WIDE, width)
    return [*wide, *olga.browser.execute_script(FAULTS), *faults_of(olga, path)]
