"""A person at the pages: a browser that is logged in, and what they do there."""

import re
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.service import Browser
from tests.waiting import wait_until

PATIENCE_S = 20.0
# A form with a wrong value is answered by 422, and a busy machine's Redis is late: neither is a
# page's fault, and the page says so.
_FINE = ("status of 422", "status of 503")
_JOB = re.compile(r"/jobs/([0-9a-f-]{36})/$")


class Person:
    """A logged-in browser. ``session`` asks the service beside it, as the same person."""

    def __init__(self, browser: Chrome, address: str, session: Browser) -> None:
        self.browser = browser
        self.session = session
        self._address = address
        self._has_scripts = True
        # a cookie needs a page of its site
        browser.get(f"{address}/api/problems/not_found")
        browser.add_cookie({"name": "sessionid", "value": session.cookie})

    def go(self, path: str) -> None:
        """Open a page of the service, with its styles: a driver may return before they are there."""
        self.browser.get(f"{self._address}{path}")
        if self._has_scripts:
            script = "return document.readyState === 'complete'"
            self.until(lambda: self.browser.execute_script(script), "the page is loaded")

    def turn_scripts_off(self) -> None:
        """From now on no page's script runs."""
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        self._has_scripts = False

    def prefer(self, scheme: str) -> None:
        """Have the browser ask for a light or a dark page."""
        wish = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})

    def find(self, selector: str) -> WebElement:
        """Return the first element, at once."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def count(self, selector: str) -> int:
        """Return how many elements there are."""
        return len(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def text(self, selector: str) -> str:
        """Return what can be read there; "" while it is not there, or is just replaced."""
        try:
            found = self.browser.find_elements(By.CSS_SELECTOR, selector)
            return found[0].text if found else ""
        except StaleElementReferenceException:
            return ""

    def fill(self, selector: str, text: str) -> None:
        """Put a text into a field in place of what stands there."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        self.browser.switch_to.active_element.send_keys(*keys)

    def tab_to(self, selector: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(60):
            if self.browser.switch_to.active_element == self.find(selector):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"Tab never comes to {selector}")

    def start(self, task: str, **values: str) -> str:
        """Start a job by its form; return its id."""
        self.go(f"/tasks/{task}/")
        for name, value in values.items():
            self.fill(f"#f-{name}", value)
        self.find("#start .actions button").click()
        return self.job_id()

    def job_id(self) -> str:
        """Wait for a job's page; return the job's id."""
        self.until(lambda: _JOB.search(self.browser.current_url), "a job's page is shown")
        found = _JOB.search(self.browser.current_url)
        assert found
        return found[1]

    def until(self, condition: Any, what: str) -> None:
        """Wait until something is so."""
        wait_until(condition, timeout_s=PATIENCE_S, what=what)

    def complaints(self) -> list[Any]:
        """Return what the browser's console says of errors: a policy that is broken is one."""
        lines = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [
            line
            for line in lines
            if line["level"] == "SEVERE" and not any(word in line["message"] for word in _FINE)
        ]
