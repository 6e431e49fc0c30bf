"""Are the pages quick? One real server with default settings, and one real Chromium.

    .venv/bin/python -m benchmarks.pages [--jobs 100000] [--scrolled 10000] [--pages 50]

Three people submit their jobs one by one over the API. Of one who has 100,000 the server is asked
for pages of the list: the time, and the commands to Redis. One who has 10,000 scrolls to the end of
the list, filters and searches in it; the third looks at a running job on 50 pages at once. What is
slow is what the browser's own performance entries say: tasks of 50 ms or more, what a person did
until it was seen, first paint, bytes.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from selenium.webdriver.common.keys import Keys

from benchmarks.measuring.context import Context
from benchmarks.pages.browser import PageBrowser, page_browser
from benchmarks.pages.seed import WORD
from benchmarks.pages.service import PageService, page_service
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace

_OWNER, _SCROLLER, _WATCHER = 0, 1, 2
_TRIES = 9
# It is cancelled when all pages have been looked at; opening them takes a busy machine minutes.
_TOLD_MAX_S = 600.0
# From each stamp that the page shows, how long ago the task told it.
_HEAR = """
window.told = [];
let last = "";
new MutationObserver(() => {
  const stamp = document.querySelector(".progress-words")?.textContent.match(/at (\\d+)/)?.[1];
  if (!stamp || stamp === last) return;
  last = stamp;
  window.told.push(performance.timeOrigin + performance.now() - stamp / 1000);
}).observe(document.getElementById("live-head"), { subtree: true, childList: true, characterData: true });
"""
_IS_SHOWN = "!document.getElementById('live-jobs').hasAttribute('aria-busy')"


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    hosts = [f"p{number}.localhost" for number in range(options.pages)]
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with (
            EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey,
            page_service(Context.of(folder, valkey), people=3, hosts=hosts) as service,
        ):
            result = {
                "jobs": options.jobs,
                "listing": _listing(service, options.jobs),
                "redis_mb": service.memory_mb(),
                **_in_browser(folder, service, hosts, options),
            }
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _in_browser(
    folder: Path, service: PageService, hosts: list[str], options: argparse.Namespace
) -> dict[str, Any]:
    _submit(service, _SCROLLER, options.scrolled)
    with page_browser(folder / "profile", service.port) as browser:
        browser.observe()
        browser.log_in(service.people[_SCROLLER]["cookie"])
        home = _home(browser, service)
        scrolled = _scrolled(browser, options.idle_s)
    print(json.dumps({"home": home, "scrolled": scrolled}), file=sys.stderr)
    with page_browser(folder / "watching", service.port) as browser:
        told = _told(browser, service, hosts, options.seconds)
    return {"home": home, "scrolled": {"jobs": options.scrolled, "steps": scrolled}, "told": told}


def _submit(service: PageService, person: int, count: int) -> None:
    began = time.perf_counter()
    service.submit_many(person, count)
    print(f"{count} jobs in {time.perf_counter() - began:.0f} s", file=sys.stderr)


def _listing(service: PageService, count: int) -> list[dict[str, Any]]:
    """Ask for pages of a long list; return each with its median time and its commands to Redis."""
    _submit(service, _OWNER, count)
    deep = _older(service, max(1, count // 2))
    pages = {
        "the newest": "/jobs/",
        "while it is scrolled": "/jobs/?larger=1",
        "half-way down": f"/jobs/?larger=1&cursor={deep}",
        "failed ones": "/jobs/?status=failed",
        "of another task": "/jobs/?task=bench.nothing",
        "with a rare word": f"/jobs/?q={WORD}",
        "home": "/",
    }
    found = [{"page": name, **_timed(service, path)} for name, path in pages.items()]
    return [*found, {"page": "the newest, in German", **_timed(service, "/jobs/", "de")}]


def _older(service: PageService, count: int) -> str:
    """Return the id of the job that so many are newer than."""
    owner = service.people[_OWNER]["id"]
    found: Any = service.store.zrevrange(keyspace.owner(owner), count - 1, count - 1)
    return str(found[0].decode())


def _timed(service: PageService, path: str, language: str = "en") -> dict[str, float]:
    times, commands, headers = [], [], {"Accept-Language": language}
    for _ in range(_TRIES):
        before, began = service.commands(), time.perf_counter()
        answer = service.ask(path, _OWNER, headers=headers)
        times.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
        commands.append(service.commands() - before)
    # the fewest: the server's own beats are counted, too
    return {"ms": median(times), "worst_ms": max(times), "commands": min(commands) - 1}


def _home(browser: PageBrowser, service: PageService) -> dict[str, float]:
    """Look at home for the first time; cancel a job there."""
    later = {"task": "bench.page_job", "arguments": {"number": 1}, "delay_s": 3600}
    service.ask("/api/jobs", _SCROLLER, method="POST", json=later).raise_for_status()
    browser.go("/")
    browser.forget_files()
    weights, interactions = [], []
    for _ in range(5):
        browser.forget_files()
        browser.go("/")
        time.sleep(0.5)  # until all is there that comes after it was loaded
        weights.append(browser.weight())
    browser.take()
    browser.find(".job-row .do button").click()
    browser.wait("document.querySelector('.job-row .state.cancelled')")
    interactions = browser.take()["interactions"]
    return {
        "kb": max(each["bytes"] for each in weights) / 1000,
        "requests": max(each["requests"] for each in weights),
        "paint_ms": median(each["paint_ms"] for each in weights),
        "interaction_ms": max(interactions, default=0.0),
    }


def _scrolled(browser: PageBrowser, idle_s: float) -> list[dict[str, Any]]:
    """Do with a long list what people do; return what each step took."""
    done: list[dict[str, Any]] = []
    for name, act in _steps(browser, idle_s).items():
        began = time.perf_counter()
        act()
        took_s = time.perf_counter() - began
        rows = browser.run("return document.querySelectorAll('.job-row').length")
        done.append({"step": name, "s": took_s, **browser.take(), "rows": rows})
    return done


def _steps(browser: PageBrowser, idle_s: float) -> dict[str, Callable[[], object]]:
    def filter_states() -> None:
        browser.find("#status").send_keys("Failed")
        browser.wait(f"location.search.includes('failed') && {_IS_SHOWN}")

    def search() -> None:
        browser.find("#q").send_keys(WORD)
        browser.wait(f"location.search.includes('{WORD}') && {_IS_SHOWN}")

    def show_all() -> None:
        browser.find("#q").send_keys(Keys.CONTROL, "a")
        browser.find("#q").send_keys(Keys.DELETE)
        browser.find("#status").send_keys("A")
        browser.wait(f"!location.search && {_IS_SHOWN}")

    return {
        "opened": lambda: browser.go("/jobs/"),
        "scrolled to the end": browser.scroll_to_end,
        "times renewed": lambda: time.sleep(idle_s),
        "back to the top": lambda: browser.run("scrollTo(0, 0)"),
        "all that is shown ticked": lambda: browser.find("#all").click(),
        "and no longer": lambda: browser.find("#all").click(),
        "one state": filter_states,
        "a word typed": search,
        "all again": show_all,
        "scrolled to the end again": browser.scroll_to_end,
    }


def _told(
    browser: PageBrowser, service: PageService, hosts: list[str], seconds: float
) -> dict[str, Any]:
    """Look at one running job on many pages; return how late each progress came to each, in ms."""
    chrome, cookie = browser.chrome, service.people[_WATCHER]["cookie"]
    body = {"task": "bench.tell", "arguments": {"seconds": _TOLD_MAX_S}}
    job = service.ask("/api/jobs", _WATCHER, method="POST", json=body).json()
    for number, host in enumerate(hosts):
        if number:
            chrome.switch_to.new_window("window")
        browser.log_in(cookie, host)
        _open(browser, f"/jobs/{job['id']}/", host)
        browser.run(_HEAR)
    windows = chrome.window_handles
    for window in windows:
        chrome.switch_to.window(window)
        browser.run("window.told.length = 0")
    time.sleep(seconds)
    late: list[float] = []
    fewest = 10**9
    for window in windows:
        chrome.switch_to.window(window)
        told = browser.run("return window.told")
        fewest = min(fewest, len(told))
        late += told
    service.ask(f"/api/jobs/{job['id']}/cancel", _WATCHER, method="POST").raise_for_status()
    cuts = quantiles(late, n=100) if len(late) > 1 else [0.0] * 99
    return {
        "pages": len(windows),
        "events": len(late),
        "fewest": fewest,
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "p99_ms": cuts[98],
    }


def _open(browser: PageBrowser, path: str, host: str) -> None:
    """Open a job's page, again where a busy machine has answered that it is away for a moment."""
    for _ in range(_TRIES):
        browser.go(path, host)
        if browser.run("return Boolean(document.getElementById('live-head'))"):
            return
    raise RuntimeError("the page is not there")


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    home, told, scrolled = result["home"], result["told"], result["scrolled"]
    lines = [
        f"{result['jobs']} jobs are {result['redis_mb']:.0f} MB in Redis",
        f"a list of {result['jobs']} jobs, the page of{'ms':>18}{'worst':>8}{'commands':>10}",
    ]
    for page in result["listing"]:
        times = f"{page['ms']:>18.0f}{page['worst_ms']:>8.0f}"
        lines.append(f"{page['page']:<38}{times}{page['commands']:>10}")
    lines.append(
        f"home: {home['kb']:.0f} kB in {home['requests']} requests, first paint after "
        f"{home['paint_ms']:.0f} ms, a click answered after {home['interaction_ms']:.0f} ms"
    )
    head = f"{'s':>14}{'tasks > 50 ms':>15}{'longest':>9}{'slowest interaction':>21}{'rows':>7}"
    lines.append(f"{scrolled['jobs']} jobs in the browser{head}")
    for step in scrolled["steps"]:
        longest, slowest = max(step["tasks"], default=0), max(step["interactions"], default=0)
        counts = f"{len(step['tasks']):>15}{longest:>9.0f}{slowest:>21.0f}{step['rows']:>7}"
        lines.append(f"{step['step']:<30}{step['s']:>14.1f}{counts}")
    lines.append(
        f"progress reached {told['pages']} pages after {told['p50_ms']:.0f} ms, p95 "
        f"{told['p95_ms']:.0f} ms, p99 {told['p99_ms']:.0f} ms ({told['events']} times, "
        f"each page at least {told['fewest']})"
    )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pages", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--jobs", type=int, default=100_000, help="jobs of the longest list (default: 100000)"
    )
    parser.add_argument(
        "--scrolled", type=int, default=10_000, help="jobs that are scrolled (default: 10000)"
    )
    parser.add_argument("--pages", type=int, default=50, help="pages at once (default: 50)")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="how long they are watched (default: 20)"
    )
    parser.add_argument(
        "--idle-s", type=float, default=11.0, help="how long nothing is done (default: 11)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
