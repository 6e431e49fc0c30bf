"""What a person sees of a fleet while parts of it are away: still logged in, and no job lost."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.chaos.house import House
from tests.chaos.ledger import Customers, Ledger
from tests.waiting import wait_until

_PATHS = ("/api/me", "/accounts/email/")


class Asked:
    """Somebody who asks the API, and Django's pages, again and again whether they are logged in."""

    def __init__(self, house: House) -> None:
        self._statuses: Counter[tuple[str, int]] = Counter()
        self._house = house
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    @property
    def refused(self) -> int:
        """How often they were told to come back later."""
        return sum(self._statuses[path, 503] for path in _PATHS)

    def wait_until_back(self) -> None:
        """Wait until each path has them in, of what is asked from now on."""
        before = self._statuses.copy()
        for path in _PATHS:
            wait_until(
                lambda path=path: self._statuses[path, 200] > before[path, 200] + 1,  # type: ignore[misc]
                timeout_s=30,
                what=f"{path} has them in again: {before}",
            )

    def check(self) -> None:
        """Check that nothing else was said than that they are in, or to come back later."""
        assert {status for _, status in self._statuses} <= {200, 503}, self._statuses

    def _run(self) -> None:
        address = self._house.servers[0].address
        with self._house.client() as http:
            while not self._over.wait(0.05):
                for path in _PATHS:
                    self._statuses[path, http.get(f"{address}{path}").status_code] += 1


@contextmanager
def at_work(
    house: House, *, longest_ms: int, threads: int, first: int
) -> Iterator[tuple[Ledger, Asked]]:
    """Have jobs submitted and somebody ask meanwhile, from when the ``first`` jobs were accepted;
    check in the end that all that was accepted succeeds, and that nobody was told to log in."""
    ledger = Ledger()
    customers = Customers(
        house, ledger, seed=1, jobs=100_000, longest_ms=longest_ms, threads=threads
    )
    told = Asked(house)
    customers.start()
    try:
        told.start()
        wait_until(lambda: ledger.accepted > first, timeout_s=60, what="jobs are accepted")
        yield ledger, told
    finally:
        customers.stop()
        told.stop()
    assert not ledger.broken
    told.check()
    check_outcomes(house, ledger)


def strike(ledger: Ledger, blow: Callable[[], object], what: str, *, more: int) -> None:
    """Let something happen, and wait until ``more`` jobs are accepted; log how long that took."""
    blow()
    began, before = time.monotonic(), ledger.accepted
    wait_until(
        lambda: ledger.accepted > before + more, timeout_s=60, what="jobs are accepted again"
    )
    logging.info("accepting again %.1f s after %s", time.monotonic() - began, what)


def check_outcomes(house: House, ledger: Ledger) -> None:
    """Check that all that was accepted succeeds."""
    address = house.servers[0].address
    with house.client(timeout_s=30) as http:

        def get(path: str) -> httpx.Response:
            return http.get(f"{address}/api/{path}")

        for batch, count in ledger.batches.items():
            wait_until(
                lambda batch=batch, count=count: (  # type: ignore[misc]
                    get(f"batches/{batch}").json().get("counts", {}).get("succeeded") == count
                ),
                timeout_s=60,
                what=f"a batch has succeeded: {get(f'batches/{batch}').text}",
            )
        for job in ledger.singles:
            wait_until(
                lambda job=job: get(f"jobs/{job}").json().get("status") == "succeeded",  # type: ignore[misc]
                timeout_s=60,
                what=f"a job has succeeded: {get(f'jobs/{job}').text}",
            )
