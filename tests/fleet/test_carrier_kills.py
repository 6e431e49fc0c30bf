"""P1 beyond one machine: workers, their children, servers and Valkey killed at random moments while
RQ and Celery carry all attempts; the client's own ledger is the judge.

The long run is script/chaos --executor; docs/reliability.md has its figures.
"""

from pathlib import Path

from tests.chaos.run import Plan, crash
from tests.chaos.test_kills import SEED


def test_kills_under_both_carriers_lose_nothing(tmp_path: Path) -> None:
    """Each job that was answered with 202 has one outcome, and nothing of a dead worker stays in
    Redis. CHAOS_SEED repeats a run."""
    plan = Plan(
        kills=6,
        mean_s=0.3,
        in_flight=300,
        jobs=600,
        seed=SEED,
        heartbeat_s=2,
        servers=2,
        executors={"*": "rq", "chaos.patient": "celery"},
    )
    verdict = crash(plan, tmp_path / "house", say=print)
    assert not verdict.problems, "\n".join(verdict.problems[:20])
    assert verdict.statuses == {"succeeded": verdict.accepted}
    assert verdict.twice <= max(3, verdict.accepted / 100)
