"""The pages of operators in a browser: nothing for axe to find, nothing too wide, in both schemes."""

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import resize
from tests.browser.pages.person import Person
from tests.browser.pages.test_axe import faults_of
from tests.browser.pages.test_fits import FAULTS, TOO_WIDE
from tests.e2e.service import PATIENT, PERSON, Browser, ServiceProcess

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
    """Each of them, and the question before many are deleted; by the keyboard, and without scripts:
    no more of them than what renews a page."""
    olga = operator(width=width)
    paths = [
        "",
        "timeline/",
        "timeline/?minutes=60",
        "jobs/",
        "jobs/?q=nowhere",
        "failures/",
        "times/",
        "record/",
    ]
    faults = {path: _look(olga, f"/operators/{path}", width) for path in paths}
    assert {path: found for path, found in faults.items() if found} == {}
    olga.go(f"/operators/jobs/?person={PERSON}")
    person = str(olga.find("main a[href*='/operators/people/']").get_attribute("href"))
    assert not _look(olga, urlsplit(person).path, width)
    assert PERSON in olga.text("h2")
    olga.go("/operators/jobs/?status=ended")
    assert olga.count("main script, script:not([type=module][src])") == 0
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
    olga.turn_scripts_off()
    olga.go("/operators/jobs/?status=ended")
    olga.find(".tick").click()
    olga.find("#many button[value=delete]").click()
    olga.until(lambda: "Delete 1 job?" in olga.text(".sure h2"), "it is asked without scripts, too")


def test_overview_renews_itself_and_leaves_what_somebody_does(
    operator: Callable[..., Person],
) -> None:
    """What another operator pauses is seen; a form that is being filled in, its focus and a text
    that is marked stay. While the service can't be reached the page says so, and it recovers."""
    olga = operator(width=1280)
    olga.go("/operators/")
    olga.browser.execute_script("document.getElementById('which').value = 'executor:threads'")
    olga.fill("#note", "their API is do")
    pause = {"which": "task:primes.sum", "note": "another's"}
    olga.session.send_form("/operators/pause/", pause, page="/operators/")
    paused = "[id='paused-task-primes.sum']"
    olga.until(lambda: "another's" in olga.text(paused), "the pause is seen")
    olga.press("wn")
    assert olga.find("#note").get_attribute("value") == "their API is down"
    assert olga.find("#which").get_attribute("value") == "executor:threads"

    olga.browser.execute_script(
        f'getSelection().selectAllChildren(document.querySelector("{paused} .help bdi"))'
    )
    olga.session.send_form("/operators/resume/", {"which": "task:primes.sum"}, page="/operators/")
    _renewed(olga, times=2)
    assert olga.browser.execute_script("return String(getSelection())") == "another's"
    olga.browser.execute_script("getSelection().removeAllRanges()")
    olga.until(lambda: olga.count(paused) == 0, "what is new is shown as soon as nothing is marked")

    _connect(olga, is_offline=True)
    olga.until(lambda: "can't be reached" in olga.text("#trouble"), "it is said")
    _connect(olga, is_offline=False)
    olga.until(lambda: olga.count("#trouble") == 0, "it recovers by itself")
    lost = olga.complaints()
    assert all("ERR_INTERNET_DISCONNECTED" in each["message"] for each in lost)
    assert olga.find("#note").get_attribute("value") == "their API is down"


def test_list_of_jobs_stands_still_while_something_is_ticked(
    operator: Callable[..., Person],
) -> None:
    """Its rows are brought up to date, but none comes or goes before nothing is ticked."""
    olga = operator(width=1280)
    later = {"task": "primes.sum", "arguments": {"limit": 5}, "delay_s": 600}
    first = olga.session.http.post("/api/jobs", json=later).json()["id"]
    olga.go("/operators/jobs/")
    olga.find(f"#row-{first} .tick").click()
    assert olga.find("#held").is_displayed()
    second = olga.session.http.post("/api/jobs", json=later).json()["id"]
    assert olga.session.http.post(f"/api/jobs/{first}/cancel").status_code < 300
    olga.until(lambda: "Cancelled" in olga.text(f"#row-{first}"), "the ticked row is renewed")
    assert olga.count(f"#row-{second}") == 0
    assert olga.find(f"#row-{first} .tick").is_selected()
    olga.find(f"#row-{first} .tick").click()
    olga.browser.execute_script("document.activeElement.blur()")
    olga.until(lambda: olga.count(f"#row-{second}") == 1, "the new one is there")
    olga.session.http.post(f"/api/jobs/{second}/cancel")


def test_timeline_renews_itself_and_leaves_open_what_is_open(
    operator: Callable[..., Person],
) -> None:
    """A job that runs now is drawn by itself, and stands in the table."""
    olga = operator(width=1280)
    olga.go("/operators/timeline/")
    olga.until(lambda: olga.count("#live-timeline svg .bar-failed") >= 1, "it shows what failed")
    olga.find("#attempts summary").click()
    sent = {"task": "primes.sum", "arguments": {"limit": 5}}
    job = olga.session.http.post("/api/jobs", json=sent).json()["id"]
    olga.until(lambda: "primes.sum" in olga.text(f"#attempt-{job}"), "it is listed")
    assert olga.count("#live-timeline svg .bar-succeeded") >= 1
    assert olga.find("#attempts").get_attribute("open")


def test_failures_times_and_record_renew_themselves(operator: Callable[..., Person]) -> None:
    """What fails, ends or is done elsewhere is seen without asking for the page again, and an
    example that has the focus keeps it though its row moves."""
    olga = operator(width=1280)
    olga.go("/operators/failures/")
    link = "#live-failures tbody tr:last-child a"
    olga.browser.execute_script(f'document.querySelector("{link}").focus()')
    example = olga.find(link).get_attribute("href")
    sent = {"task": "forms.refuse", "arguments": {"text": "no such supplier"}}
    for _ in range(2):
        olga.session.http.post("/api/jobs", json=sent, params={"wait": "5"})
    _until_soon(olga, lambda: "no such supplier" in olga.text("#live-failures"), "it is a row")
    focused = "return document.activeElement.href"
    assert olga.browser.execute_script(focused) == example

    olga.go("/operators/times/")
    row = "[id='times-primes.check'] td.number"
    ended = int(olga.text(row) or 0)
    check = {"task": "primes.check", "arguments": {"numbers": [1]}}
    olga.session.http.post("/api/jobs", json=check, params={"wait": "5"})
    _until_soon(olga, lambda: int(olga.text(row) or 0) > ended, "an end is counted")

    olga.go("/operators/record/")
    pause = {"which": "task:primes.check", "note": "for a look"}
    olga.session.send_form("/operators/pause/", pause, page="/operators/")
    olga.session.send_form("/operators/resume/", pause, page="/operators/")
    _until_soon(
        olga, lambda: "for a look" in olga.text("#live-record table"), "it is in the record"
    )


def _until_soon(olga: Person, condition: Callable[[], object], what: str) -> None:
    """Wait until the page that renews itself shows something: as when somebody comes back to it,
    it does so at once."""
    olga.browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    olga.until(condition, what)


def _renewed(olga: Person, *, times: int) -> None:
    """Have the page ask for itself again so often, whether it shows it or not: as when somebody
    comes back to it. That it does so by itself is seen before."""
    script = "return performance.getEntriesByType('resource').filter(({name, initiatorType}) => "
    script += "initiatorType === 'fetch' && name === location.href).length"
    renewals = partial(olga.browser.execute_script, script)
    before = int(renewals())
    for wanted in range(before + 1, before + times + 1):
        _until_soon(olga, partial(_is_so_often, renewals, wanted), "it is renewed")


def _is_so_often(count: Callable[[], int], wanted: int) -> bool:
    return count() >= wanted


def _connect(olga: Person, *, is_offline: bool) -> None:
    far = {"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    olga.browser.execute_cdp_cmd("Network.enable", {})
    olga.browser.execute_cdp_cmd("Network.emulateNetworkConditions", far)


def _look(olga: Person, path: str, width: int) -> list[object]:
    resize(olga.browser, width=width)  # before the page is there: it is laid out once
    olga.go(path)
    wide = olga.browser.execute_script(TOO_WIDE, width)
    return [*wide, *olga.browser.execute_script(FAULTS), *faults_of(olga, path)]
