"""Real Chromium: the service, browsers, and the documentation opened in one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import start_chromium
from tests.e2e.service import PATIENT, ServiceProcess


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The whole service, one for the tests of this folder. Of Arabic, which it offers too, nothing
    of ours is translated, but its pages run from right to left."""
    tasks = "flask_api.tasks.library,tests.browser.form_tasks,tests.browser.result_tasks"
    folder = tmp_path_factory.mktemp("service")
    with ServiceProcess(folder, task_modules=tasks, languages="en,de,ar") as service:
        yield service


@pytest.fixture
def open_browser(tmp_path: Path) -> Iterator[Callable[..., Chrome]]:
    """A function that opens a browser; all are closed at the end."""
    opened: list[Chrome] = []

    def open_one(*, width: int = 1280) -> Chrome:
        opened.append(start_chromium(tmp_path / f"profile{len(opened)}", width=width))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.quit()


@pytest.fixture
def page(service: ServiceProcess, open_browser: Callable[..., Chrome]) -> Callable[..., Chrome]:
    """A function that opens the documentation as the service's person."""
    person = service.new_browser()
    person.log_in(tries=PATIENT)

    def open_page(fragment: str = "", *, width: int = 1280) -> Chrome:
        browser = open_browser(width=width)
        # a cookie needs a page of its site
        browser.get(f"{service.address}/api/problems/not_found")
        browser.add_cookie({"name": "sessionid", "value": person.cookie})
        browser.get(f"{service.address}/api/docs{fragment}")
        return browser

    return open_page
