"""What a person sees of a fleet while parts of it are away: still logged in, and no job lost."""

import threading
from collections import Counter

import httpx

from tests.chaos.house import House
from tests.chaos.ledger import Ledger
from tests.waiting import wait_until


class Asked:
    """Somebody who asks the API, and Django's pages, again and again whether they are logged in."""

    def __init__(self, house: House) -> None:
        self.statuses: Counter[int] = Counter()
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

    def _run(self) -> None:
        address = self._house.servers[0].address
        with self._house.client() as http:
            while not self._over.wait(0.05):
                for path in ("/api/me", "/accounts/email/"):
                    self.statuses[http.get(f"{address}{path}").status_code] += 1


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
