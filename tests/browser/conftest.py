"""Real Chromium, driven by Selenium: script/bootstrap --dev installs both,
or names what to install."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.e2e.service import ServiceProcess

DRIVER = shutil.which("chromedriver")
BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The whole service, one for the tests of this folder."""
    tasks = "flask_api.tasks.library,tests.browser.form_tasks"
    with ServiceProcess(tmp_path_factory.mktemp("service"), task_modules=tasks) as service:
        yield service


@pytest.fixture
def open_browser(tmp_path: Path) -> Iterator[Callable[..., Chrome]]:
    """A function that opens a browser; all are closed at the end."""
    if DRIVER is None or BROWSER is None:
        pytest.fail("chromium and chromedriver are needed: apt install chromium chromium-driver")
    opened: list[Chrome] = []

    def open_one(*, width: int = 1280) -> Chrome:
        options = ChromeOptions()
        options.binary_location = str(BROWSER)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        folder = tmp_path / f"profile{len(opened)}"
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder}",
        ):
            options.add_argument(argument)
        browser = Chrome(options=options, service=ChromeService(str(DRIVER)))
        opened.append(browser)
        # Not the window's size, which has a least of its own.
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        return browser

    yield open_one
    for browser in opened:
        browser.quit()


@pytest.fixture
def page(service: ServiceProcess, open_browser: Callable[..., Chrome]) -> Callable[..., Chrome]:
    """A function that opens the documentation as the service's person."""
    person = service.new_browser()
    person.log_in()

    def open_page(fragment: str = "", *, width: int = 1280) -> Chrome:
        browser = open_browser(width=width)
        # a cookie needs a page of its site
        browser.get(f"{service.address}/api/problems/not_found")
        browser.add_cookie({"name": "sessionid", "value": person.cookie})
        browser.get(f"{service.address}/api/docs{fragment}")
        return browser

    return open_page
