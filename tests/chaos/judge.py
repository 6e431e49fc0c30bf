"""The verdict after the kills: the client's ledger against what the service says,
and against what tasks really did."""

import itertools
import json
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from flask_api.jobs.records import keyspace
from shared.contract.entries import JOBS_PREFIX
from shared.redis import RedisClient
from tests.chaos.house import House
from tests.chaos.killer import Kill
from tests.chaos.ledger import Ledger
from tests.waiting import wait_until


@dataclass(kw_only=True)
class Verdict:
    """What was found. ``problems`` must be empty, ``twice`` under 1 % of ``accepted``,
    ``recovery_s`` at most 30 at p95."""

    accepted: int
    statuses: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    recovery_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def recovery_p95_s(self) -> float:
        """95 % of the jobs whose process was killed had begun again after so long."""
        if len(self.recovery_s) < 2:
            return sum(self.recovery_s)
        # never beyond the longest
        return statistics.quantiles(self.recovery_s, n=20, method="inclusive")[-1]

    def __str__(self) -> str:
        lost = self.accepted - self.statuses["succeeded"]
        median = statistics.median(self.recovery_s) if self.recovery_s else 0.0
        longest = max(self.recovery_s, default=0.0)
        return (
            f"accepted {self.accepted} (by the client's ledger), lost {lost}, outcomes "
            f"{dict(self.statuses)}, "
            f"effect twice {self.twice} ({100 * self.twice / max(1, self.accepted):.2f} %), "
            f"recovery of {len(self.recovery_s)} "
            f"orphans: median {median:.1f} s, p95 {self.recovery_p95_s:.1f} s, longest "
            f"{longest:.1f} s"
        )


def judge(house: House, ledger: Ledger, kills: Sequence[Kill], *, deadline_s: float) -> Verdict:
    """Wait until everything accepted has an outcome, then compare.
    A missed deadline is a problem, not an exception."""
    verdict = Verdict(accepted=ledger.accepted, problems=list(ledger.broken))
    admin = house.admin()
    try:
        _wait_for_outcomes(admin, verdict, deadline_s)
        ended: set[str] = set()
        with house.client(timeout_s=30) as http:
            for job, status in _records(http, house.servers[0].address, ledger, verdict):
                verdict.statuses[status] += 1
                if job in ended:
                    verdict.problems.append(f"{job} is there twice")
                ended.add(job)
                if status != "succeeded":
                    verdict.problems.append(
                        f"{job} is {status}: {admin.hgetall(keyspace.record(job))}"
                    )
        _check_bookkeeping(admin, verdict)
        verdict.problems += _left_of_the_dead(admin)
    finally:
        admin.close()
    _check_effects(house, ended, kills, verdict)
    return verdict


def _wait_for_outcomes(admin: RedisClient, verdict: Verdict, deadline_s: float) -> None:
    def unfinished() -> int:
        return sum(int(admin.scard(key)) for key in admin.scan_iter(keyspace.opened("*")))

    left, since = unfinished(), time.monotonic()
    while left and time.monotonic() - since < deadline_s:
        time.sleep(0.2)
        now = unfinished()
        if now != left:
            left, since = now, time.monotonic()
    if left:
        verdict.problems.append(f"{left} jobs have no outcome, and none came for {deadline_s} s")


def _records(
    http: httpx.Client, address: str, ledger: Ledger, verdict: Verdict
) -> Iterator[tuple[str, str]]:
    for job in ledger.singles:
        answer = http.get(f"{address}/api/jobs/{job}")
        yield (
            job,
            str(answer.json()["status"])
            if answer.status_code == 200
            else f"gone: {answer.status_code}",
        )
    for batch, count in ledger.batches.items():
        answer = http.get(f"{address}/api/batches/{batch}")
        if answer.status_code != 200:
            verdict.problems.append(f"batch {batch} is gone: {answer.status_code}")
            continue
        record = answer.json()
        if record["counts"] != {
            "queued": 0,
            "running": 0,
            "succeeded": count,
            "failed": 0,
            "cancelled": 0,
        }:
            verdict.problems.append(f"batch {batch} of {count} counts {record['counts']}")
        for line in http.get(f"{address}/api/batches/{batch}/results").text.splitlines():
            job = json.loads(line)
            yield str(job["id"]), str(job["status"])


def _check_bookkeeping(admin: RedisClient, verdict: Verdict) -> None:
    """Nothing may be left in what says who works on what,
    once all has ended and every dead process was adopted."""

    def leftovers() -> list[str]:
        sets = [*admin.scan_iter(keyspace.held("*")), keyspace.ORPHANS]
        left = [f"{key}: {admin.smembers(key)}" for key in sets if admin.scard(key)]
        delayed = admin.zrange(keyspace.DELAYED, 0, -1)
        return [*left, *([f"delayed: {delayed}"] if delayed else [])]

    try:
        wait_until(lambda: not leftovers(), timeout_s=30)
    except AssertionError:
        verdict.problems += leftovers()


def _left_of_the_dead(admin: RedisClient) -> list[str]:
    """Return entries of workers that died, or of carriers, that would stay for ever."""
    live = {str(name) for name in admin.zrange(keyspace.WORKERS, 0, -1)}
    found = [*admin.scan_iter(keyspace.sent("*")), *admin.scan_iter(keyspace.idle("*"))]
    found += [*admin.scan_iter(keyspace.held("*.*")), *admin.scan_iter(f"{JOBS_PREFIX}rq:*")]
    return [
        f"{key} stays for ever"
        for key in map(str, found)
        if admin.ttl(key) == -1 and not any(name in key for name in live)
    ]


def _check_effects(house: House, jobs: set[str], kills: Sequence[Kill], verdict: Verdict) -> None:
    begun: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    done: Counter[str] = Counter()
    for line in house.effects.read_text().splitlines():
        word, job, _, pid, at = line.split()
        if word == "did":
            done[job] += 1
        else:
            begun[job].append((float(at), int(pid)))
    verdict.twice = sum(1 for job in jobs if done[job] > 1)
    verdict.problems += [f"{job} succeeded without its effect" for job in jobs if not done[job]]
    verdict.recovery_s = [gap for attempts in begun.values() for gap in _gaps(attempts, kills)]


def _gaps(attempts: list[tuple[float, int]], kills: Sequence[Kill]) -> Iterator[float]:
    """Yield how long after its process was killed each lost attempt of one job was followed by the
    next."""
    attempts.sort()
    for (began, pid), (again, _) in itertools.pairwise(attempts):
        killed = [
            kill.at for kill in kills if pid in kill.pids and began - 0.05 <= kill.at <= again
        ]
        if killed:
            yield again - killed[0]
