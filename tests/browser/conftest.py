"""Real Chromium: the service, browsers, and the documentation opened in one."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.browser.lent import LentBrowsers
from tests.e2e.service import PATIENT, Browser, ServiceProcess
from tests.waiting import wait_until

LOADED = "return location.pathname === '/api/docs' && document.readyState === 'complete'"
PATIENT_S = 60


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The whole service, one for the tests of this folder. Of Arabic, which it offers too, nothing
    of ours is translated, but its pages run from right to left."""
    tasks = "flask_api.tasks.library,tests.browser.form_tasks,tests.browser.result_tasks"
    folder = tmp_path_factory.mktemp("service")
    with ServiceProcess(folder, task_modules=tasks, languages="en,de,ar") as service:
        yield service


@pytest.fixture(scope="session")
def logged_in(service: ServiceProcess) -> Browser:
    """The service's person, logged in once: a password takes half a second of a processor."""
    person = service.new_browser()
    person.log_in(tries=PATIENT)
    return person


@pytest.fixture(scope="session")
def browsers(
    service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LentBrowsers]:
    """Browsers that one test after the other has, as new."""
    lent = LentBrowsers(tmp_path_factory.mktemp("browsers"), service.address)
    yield lent
    lent.close()


@pytest.fixture
def open_browser(browsers: LentBrowsers) -> Iterator[Callable[..., Chrome]]:
    """A function that opens a browser; all are given back at the end."""
    opened: list[Chrome] = []

    def open_one(*, width: int = 1280) -> Chrome:
        opened.append(browsers.lend(width=width))
        return opened[-1]

    yield open_one
    for browser in opened:
        browsers.take_back(browser)


@pytest.fixture
def page(
    service: ServiceProcess, logged_in: Browser, open_browser: Callable[..., Chrome]
) -> Callable[..., Chrome]:
    """A function that opens the documentation as the service's person."""

    def open_page(fragment: str = "", *, width: int = 1280) -> Chrome:
        browser = open_browser(width=width)
        # a cookie needs a page of its site
        browser.get(f"{service.address}/api/problems/not_found")
        browser.add_cookie({"name": "sessionid", "value": logged_in.cookie})
        browser.get(f"{service.address}/api/docs{fragment}")
        # Of a busy machine a driver returns while the page and its styles still come.
        wait_until(
            lambda: browser.execute_script(LOADED), timeout_s=PATIENT_S, what="the page is loaded"
        )
        return browser

    return open_page
