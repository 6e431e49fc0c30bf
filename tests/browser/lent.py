"""Browsers that are lent to one test after another: to start one takes a second of a processor.

What a test left in one is gone before the next has it: the page with all that was set for it,
cookies, what sites stored, the cache, permissions, and what the console said.
"""

from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome

from tests.browser.chromium import resize, start_chromium


class LentBrowsers:
    """Starts browsers when none is idle, and ends all with :meth:`close`."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address
        self._started = 0
        self._idle: list[Chrome] = []

    def lend(self, *, width: int) -> Chrome:
        """Return a browser that nobody else has, as new."""
        if self._idle:
            browser = self._idle.pop()
            resize(browser, width=width)
            return browser
        self._started += 1
        return start_chromium(self._folder / f"profile{self._started}", width=width)

    def take_back(self, browser: Chrome) -> None:
        """Keep a browser for the next test; end one that can't be made as new."""
        try:
            _renew(browser, self._address)
        except WebDriverException:
            browser.quit()
            return
        self._idle.append(browser)

    def close(self) -> None:
        """End all that are idle."""
        while self._idle:
            self._idle.pop().quit()


def _renew(browser: Chrome, address: str) -> None:
    used = browser.window_handles
    browser.switch_to.new_window("tab")
    fresh = browser.current_window_handle
    for handle in used:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(fresh)
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.execute_cdp_cmd("Browser.resetPermissions", {})
    stored = {"origin": address, "storageTypes": "all"}
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", stored)
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # reading it empties it
