"""What the pages of work cost Redis: a bounded number of commands, however many jobs there are."""

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

import pytest
import redis

from tests.e2e.service import PATIENT, Browser, ServiceProcess
from tests.waiting import wait_until

# More than any of the pages reads, so that each is full.
_JOBS, _BATCHES = 55, 55
_TRIES = 20
# Comes behind each command that makes a trip of its own, and not within pipelines
# (shared.redis.client).
_ALONE = "WAIT"
_END = "the page is there"


class Costs(NamedTuple):
    """Commands to Redis: those that made a trip each, those that went together in pipelines, and
    those that scripts ran there."""

    alone: int
    together: int
    in_scripts: int

    def is_within(self, most: "Costs") -> bool:
        """Tell whether nothing of it is more than this."""
        return all(here <= there for here, there in zip(self, most, strict=True))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for this file: what others ask for meanwhile would be counted, too."""
    with ServiceProcess(tmp_path_factory.mktemp("commands")) as service:
        yield service


@pytest.fixture
def admin(service: ServiceProcess) -> Iterator[redis.Redis]:
    """The service's Redis, as one that may see what it is asked."""
    with redis.Redis.from_url(service.valkey.url("admin"), decode_responses=True) as client:
        yield client


@pytest.fixture
def ada(service: ServiceProcess) -> Browser:
    """A person who is logged in."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


def made(person: Browser, jobs: int, batches: int) -> str:
    """Run so many jobs to their end, each submitted by itself, and batches; return a job's id."""
    work = {"numbers": [7]}
    for _ in range(batches):
        _submit(person, "/api/batches", {"task": "primes.check", "arguments": [work, work]})
    for _ in range(jobs):
        job = _submit(person, "/api/jobs", {"task": "primes.check", "arguments": work})

    def is_idle() -> bool:
        usage = person.http.get("/api/me/usage").json()
        return not usage["unfinished_jobs"]["used"]

    wait_until(is_idle, timeout_s=60)
    return job


def _submit(person: Browser, path: str, body: dict[str, object]) -> str:
    answer = person.http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def costs_of(admin: redis.Redis, person: Browser, path: str) -> Costs:
    """Ask for a page, and return what Redis was asked for meanwhile."""
    with admin.monitor() as monitor:  # type: ignore[no-untyped-call]
        answer = person.http.get(path)
        admin.echo(_END)
        seen = Counter[tuple[str, str]]()
        for each in takewhile(lambda each: _END not in each["command"], monitor.listen()):
            seen[each["client_type"], each["command"].split()[0].upper()] += 1
    assert answer.status_code == 200, answer.text
    alone = sum(count for (_, name), count in seen.items() if name == _ALONE)
    in_scripts = sum(count for (client, _), count in seen.items() if client == "lua")
    return Costs(alone=alone, together=seen.total() - 2 * alone - in_scripts, in_scripts=in_scripts)


@pytest.mark.parametrize("times", [1, 8])
def test_page_costs_as_much_of_many_jobs_as_of_few(
    admin: redis.Redis, ada: Browser, times: int
) -> None:
    """Home reads 50 jobs and 50 batches, a page of the list 25 of each: one command for each of
    them, all in one trip, and a few besides."""
    job = made(ada, _JOBS * times, _BATCHES * times)
    bounds = {
        "/": Costs(alone=8, together=50 + 50, in_scripts=5 * 50),
        "/jobs/": Costs(alone=9, together=25 + 25, in_scripts=5 * 25),
        f"/jobs/{job}/": Costs(alone=11, together=1, in_scripts=4),
    }
    for path, most in bounds.items():
        # The service's own beats come between: one page that has none is enough.
        costs = [costs_of(admin, ada, path)]
        while not costs[-1].is_within(most) and len(costs) < _TRIES:
            costs.append(costs_of(admin, ada, path))
        assert costs[-1].is_within(most), (path, costs)
