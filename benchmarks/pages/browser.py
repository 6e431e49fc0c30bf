"""A real Chromium for benchmarks.pages, and what its own performance entries say of a page."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WIDTH, _HEIGHT, _PATIENCE_S = 1280, 900, 300
# From the first moment of each page: tasks of 50 ms and more, and how long what a person did took
# until it was seen.
_OBSERVE = """
window.seen = { tasks: [], interactions: [] };
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.seen.tasks.push(each.duration);
}).observe({ type: "longtask", buffered: true });
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (each.interactionId) window.seen.interactions.push(each.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
# What has happened since it was asked last; entries come with the next idle moment.
_TAKE = """
const done = arguments[0];
setTimeout(() => {
  const { tasks, interactions } = window.seen;
  window.seen.tasks = [];
  window.seen.interactions = [];
  done({ tasks, interactions });
}, 400);
"""
_WEIGHT = """
const [page] = performance.getEntriesByType("navigation");
const parts = performance.getEntriesByType("resource");
const [paint] = performance.getEntriesByName("first-contentful-paint");
return {
  bytes: [page, ...parts].reduce((sum, each) => sum + each.transferSize, 0),
  requests: 1 + parts.length,
  paint_ms: paint?.startTime ?? null,
};
"""
# A screen at each frame: fifty screens a second, as fast as somebody who pulls at the bar.
_SCROLL = """
const [words, done] = arguments;
const more = document.getElementById("more");
function step() {
  const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  if (isAtEnd && more.textContent === words) return done(document.querySelectorAll(".job-row").length);
  scrollBy(0, innerHeight);
  requestAnimationFrame(step);
}
step();
"""
END_WORDS = "There are no older ones."


class PageBrowser:
    """One window of the browser at a time, at pages of one address."""

    def __init__(self, chrome: Chrome, port: int) -> None:
        self.chrome = chrome
        self._port = port

    def observe(self) -> None:
        """Keep the performance entries of each page from now on, in this window."""
        self._cdp("Page.addScriptToEvaluateOnNewDocument", source=_OBSERVE)

    def log_in(self, cookie: str, host: str = "localhost") -> None:
        """Have the browser send a session's cookie to this host."""
        name, _, value = cookie.partition("=")
        address = f"http://{host}:{self._port}/"
        self._cdp("Network.setCookie", name=name, value=value, url=address)

    def go(self, path: str, host: str = "localhost") -> None:
        """Open a page in this window."""
        self.chrome.get(f"http://{host}:{self._port}{path}")

    def forget_files(self) -> None:
        """Let the next page be somebody's first."""
        self._cdp("Network.clearBrowserCache")

    def weight(self) -> dict[str, float]:
        """Return how many bytes came over the net for this page, in how many requests, and when it
        was first seen, in ms."""
        return dict(self.run(_WEIGHT))

    def take(self) -> dict[str, list[float]]:
        """Return the long tasks and the interactions since this was asked last, in ms."""
        return dict(self.chrome.execute_async_script(_TAKE))

    def scroll_to_end(self) -> int:
        """Scroll until there are no older jobs; return how many rows the page has then."""
        return int(self.chrome.execute_async_script(_SCROLL, END_WORDS))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script and return what it returns."""
        return self.chrome.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """Return an element."""
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def wait(self, condition: str) -> None:
        """Wait until an expression of the page is true."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > deadline:
                raise TimeoutError(condition)
            time.sleep(0.05)

    def _cdp(self, command: str, **arguments: Any) -> None:
        self.chrome.execute_cdp_cmd(command, arguments)


@contextmanager
def page_browser(folder: Path, port: int) -> Iterator[PageBrowser]:
    """Start a browser with a profile of its own, and quit it after use."""
    binary = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        raise RuntimeError("apt install chromium chromium-driver: both are needed")
    options = ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--window-size={_WIDTH},{_HEIGHT}",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    chrome = Chrome(options=options, service=ChromeService(driver))
    chrome.set_script_timeout(_PATIENCE_S)
    try:
        yield PageBrowser(chrome, port)
    finally:
        chrome.quit()
