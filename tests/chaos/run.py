"""One crash run: submit, kill, wait, judge.
The long run is this from a shell, the short one is a test."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.house import House
from tests.chaos.judge import Verdict, judge
from tests.chaos.killer import Killer
from tests.chaos.ledger import Customers, Ledger
from tests.rabbitmq_server import RabbitMqServer

# What one person may have unfinished is how many are in flight:
# customers that meet the limit try again.
_SETTINGS = {
    "job_threads": "16",
    "job_running_limit": "16",
    "job_processes": "2",
    # A long run ends more than a person keeps by default, and the judge looks at all of them.
    "person_ended_jobs": "10000000",
    "person_bytes": "100000000000",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many kills, how far apart, among how many jobs in flight, of how many in all."""

    kills: int
    mean_s: float
    in_flight: int
    jobs: int
    seed: int
    kind: str = "cherrypy"
    deadline_s: float = 60.0
    limit_s: float = 3600.0
    heartbeat_s: int = 10
    servers: int = 3
    executors: Mapping[str, str] | None = None  # that carry attempts to workers
    workers: int = 1  # for each
    over_rabbitmq: bool = False  # Celery's, which is killed too


def crash(plan: Plan, folder: Path, *, say: Callable[[str], None]) -> Verdict:
    """Carry out the plan and ``say`` how it goes. ``limit_s`` ends the killing early;
    what was killed by then is judged."""
    settings: dict[str, Any] = _SETTINGS | {
        "job_person_limit": str(plan.in_flight),
        "job_heartbeat_s": str(plan.heartbeat_s),
    }
    ledger, broker = Ledger(), None
    with ExitStack() as stack:
        if plan.over_rabbitmq:
            broker = stack.enter_context(RabbitMqServer(folder / "rabbitmq"))
            settings["celery_broker_url"] = broker.url("admin")
        house = stack.enter_context(
            House(
                folder,
                kind=plan.kind,
                servers=plan.servers,
                executors=plan.executors,
                workers=plan.workers,
                **settings,
            )
        )
        customers = Customers(house, ledger, seed=plan.seed, jobs=plan.jobs)
        killer = Killer(
            house, seed=plan.seed, mean_s=plan.mean_s, is_short=plan.kills < 100, broker=broker
        )
        began = time.monotonic()
        customers.start()
        try:
            while len(killer.kills) < plan.kills and time.monotonic() - began < plan.limit_s:
                killer.kill()
                if len(killer.kills) % 25 == 0:
                    say(
                        f"{len(killer.kills)} kills, {ledger.accepted} jobs accepted, "
                        f"{time.monotonic() - began:.0f} s"
                    )
        finally:
            customers.stop()
        say(
            f"{len(killer.kills)} kills {killer.counts} in {time.monotonic() - began:.0f} s, seed "
            f"{plan.seed}"
        )
        for server in house.servers:
            server.wait_until_live()
        verdict = judge(house, ledger, killer.kills, deadline_s=plan.deadline_s)
        say(f"all judged after {time.monotonic() - began:.0f} s: {verdict}")
        return verdict
