"""Real Chromium, driven by Selenium: script/bootstrap --dev installs both,
or names what to install.

Why not Playwright: a distribution's Chromium comes with the driver of its own version, which Selenium
speaks to by a standard. Playwright's package brings a driver on Node, which is made for the Chromium
that it downloads itself.
"""

import shutil
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.waiting import wait_until

DRIVER = shutil.which("chromedriver")
BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

_RELOADED = """
return performance.timeOrigin !== arguments[0] && document.readyState === "complete"
"""


def start_chromium(profile: Path, *, width: int, height: int = 900) -> Chrome:
    """Start a browser with a profile of its own; quit it after use."""
    if DRIVER is None or BROWSER is None:
        raise RuntimeError("apt install chromium chromium-driver: both are needed")
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    browser = Chrome(options=options, service=ChromeService(str(DRIVER)))
    resize(browser, width=width, height=height)
    return browser


def resize(browser: Chrome, *, width: int, height: int = 900) -> None:
    """Show pages on so large a screen. Not the window's size, which has a least of its own."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def reload(browser: Chrome) -> None:
    """Load the page anew, with its styles and scripts: of a busy machine a driver may return while
    they still come."""
    before = browser.execute_script("return performance.timeOrigin")
    browser.refresh()
    wait_until(
        lambda: browser.execute_script(_RELOADED, before), timeout_s=60, what="the page is loaded"
    )
