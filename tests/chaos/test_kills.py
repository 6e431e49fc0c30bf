"""P1: servers, child processes and Valkey killed at random moments under load;
the client's own ledger is the judge.

The long run is script/chaos; docs/reliability.md has its figures.
"""

import os
import random
from pathlib import Path

from tests.chaos.run import Plan, crash

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    """Of all that was answered with 202 each has one outcome, and under 1 % ran twice.
    CHAOS_SEED repeats a run."""
    plan = Plan(
        kills=25,
        mean_s=0.5,
        in_flight=2500,
        jobs=8000,
        seed=SEED,
        heartbeat_s=2,
        servers=2,
        deadline_s=20,
    )
    verdict = crash(plan, tmp_path / "house", say=print)
    assert not verdict.problems, "\n".join(verdict.problems[:20])
    assert verdict.statuses == {"succeeded": verdict.accepted}
    assert verdict.twice <= verdict.accepted / 100
    assert verdict.recovery_p95_s <= 30
