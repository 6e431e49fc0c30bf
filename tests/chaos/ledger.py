"""The client's own ledger: what it was told is accepted.
The server's word counts for nothing here, except its 202."""

import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.house import House

TASKS = ("chaos.thread", "chaos.patient", "chaos.process")


@dataclass
class Ledger:
    """Every 202 that was seen. Thread-safe by the lock."""

    singles: list[str] = field(default_factory=list)
    batches: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # answers that no promise allows
    repeats: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accepted(self) -> int:
        """How many jobs were accepted."""
        with self.lock:
            return len(self.singles) + sum(self.batches.values())

    def complain(self, problem: str) -> None:
        """Note an answer that should not be."""
        with self.lock:
            self.broken.append(problem)


class Customers:
    """Threads that submit single jobs and batches to any server,
    again under the same Idempotency-Key until accepted."""

    def __init__(
        self,
        house: House,
        ledger: Ledger,
        *,
        seed: int,
        jobs: int,
        longest_ms: int = 200,
        threads: int = 3,
    ) -> None:
        self._house = house
        self._ledger = ledger
        self._jobs = jobs
        self._longest_ms = longest_ms
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed}-{number}"),))
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to submit."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Submit no more; what was not accepted by now was never promised."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until all jobs were submitted, or ``stop``."""
        for thread in self._threads:
            thread.join()

    @property
    def are_done(self) -> bool:
        """Tell whether all was submitted."""
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, chance: random.Random) -> None:
        with self._house.client() as http:
            while not self._stop.is_set() and self._ledger.accepted < self._jobs:
                self._submit(http, chance)

    def _submit(self, http: httpx.Client, chance: random.Random) -> None:
        count = chance.randint(10, 100) if chance.random() < 0.5 else 0
        task = chance.choices(TASKS, weights=(4, 4, 2))[0]
        pauses = [
            {"pause_ms": min(self._longest_ms, 1 + int(chance.expovariate(1 / 30)))}
            for _ in range(count or 1)
        ]
        body = {"task": task, "arguments": pauses if count else pauses[0]}
        path = "/api/batches" if count else "/api/jobs"
        key = str(uuid.UUID(int=chance.getrandbits(128)))
        accepted = self._until_accepted(http, chance, path, body, key)
        if accepted is None:
            return
        with self._ledger.lock:
            if count:
                self._ledger.batches[accepted] = count
            else:
                self._ledger.singles.append(accepted)
        if chance.random() < 0.1:
            again = self._until_accepted(http, chance, path, body, key)
            if again not in (None, accepted):
                self._ledger.complain(f"the same Idempotency-Key gave {accepted}, then {again}")

    def _until_accepted(
        self, http: httpx.Client, chance: random.Random, path: str, body: dict[str, Any], key: str
    ) -> str | None:
        while not self._stop.is_set():
            address = chance.choice(self._house.servers).address
            try:
                answer = http.post(f"{address}{path}", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self._stop.wait(0.05)
                continue
            if answer.status_code == 202:
                return str(answer.json()["id"])
            if answer.status_code not in (429, 503) or "quota_exceeded" in answer.text:
                self._ledger.complain(f"{path}: {answer.status_code} {answer.text[:300]}")
                self._stop.wait(1)  # one that is refused for good would be complained of for ever
                return None
            if "Retry-After" not in answer.headers:
                self._ledger.complain(f"{path}: {answer.status_code} without Retry-After")
            self._ledger.repeats += 1
            self._stop.wait(0.2)
        return None
