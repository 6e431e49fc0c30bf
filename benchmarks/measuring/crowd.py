"""Those who wait in benchmarks.streams, in a process of their own: event streams, or long-polls of
one job for each person."""

import time
from typing import Any

import httpx

from benchmarks.measuring.answers import AnsweringChild

STREAMS, LONG_POLLS = "streams", "long-polls"
# As long as the settings allow at most: whoever is answered early would have to ask again.
WAIT_S = 300
_TIMEOUT_S = 60.0


class Crowd:
    """So many at once, of ``people`` in turns."""

    def __init__(
        self,
        child: AnsweringChild,
        people: list[dict[str, str]],
        *,
        kind: str,
        count: int,
        port: int,
        redis_url: str,
    ) -> None:
        self.count = count
        self._child = child
        self._people = people
        self._is_polling = kind == LONG_POLLS
        self._port = port
        self._redis_url = redis_url
        self._http = httpx.Client(
            base_url=f"http://localhost:{port}", trust_env=False, timeout=_TIMEOUT_S
        )

    @property
    def of_each(self) -> int:
        """How many are one person's."""
        return self.count // len(self._people)

    def open(self) -> None:
        """Have all of them wait. Raises RuntimeError when they don't."""
        self._jobs = [self._submit(person) for person in self._people] if self._is_polling else []
        paths = [f"/api/jobs/{job}?wait={WAIT_S}" for job in self._jobs] or ["/api/events"]
        self._child.ask(
            do="open",
            port=self._port,
            cookies=[person["cookie"] for person in self._people],
            count=self.count,
            paths=paths,
        )
        deadline = time.monotonic() + _TIMEOUT_S
        while self._waiting() < self.count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._waiting()} of {self.count} wait")
            time.sleep(0.2)

    def tell_one(self, *, times: int, pause_s: float = 0.05) -> list[float]:
        """Return how long events of one person took to all who wait for that person's, in ms;
        a long-poll hears of one only, so each event is another person's."""
        if not self._is_polling:
            found = self._child.ask(
                do="fan_out",
                person=self._people[0]["id"],
                followers=self.of_each,
                times=times,
                pause_s=pause_s,
                redis_url=self._redis_url,
            )
            return list(found["took_ms"])
        return [self._end_job(number) for number in range(min(times, len(self._people)))]

    def close(self) -> None:
        """Hang up. Raises RuntimeError when not all of them were served."""
        found = self._child.ask(do="close")
        if found["refused"]:
            raise RuntimeError(f"not everybody waited: {found}")

    def _end_job(self, number: int) -> float:
        began = time.perf_counter()  # of the machine: the child's is the same
        self._post(self._people[number], f"/api/jobs/{self._jobs[number]}/cancel")
        found = self._child.ask(do="answered", person=number, people=len(self._people))
        return float(found["at"] - began) * 1000

    def _submit(self, person: dict[str, str]) -> str:
        answer = self._post(
            person, "/api/jobs", {"task": "primes.sum", "arguments": {"limit": 10}, "delay_s": 3600}
        )
        return str(answer["id"])

    def _post(self, person: dict[str, str], path: str, body: Any = None) -> Any:
        headers = {"Cookie": person["cookie"], "Sec-Fetch-Site": "same-origin"}
        return self._http.post(path, json=body, headers=headers).raise_for_status().json()

    def _waiting(self) -> int:
        name = "gatehouse_long_polls{" if self._is_polling else "gatehouse_streams{"
        lines = self._http.get("/api/metrics").text.splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith(name))
