"""Django's side on PostgreSQL: the tests of people, keys and what is published of them, once more,
with a real server of their own (tests/postgres_server.py)."""

import os
import subprocess
import sys

import pytest

from shared.settings import ROOT

FOLDERS = ("accounts", "contract", "keys")
DEADLINE_S = 600


@pytest.mark.timeout(DEADLINE_S + 30)
def test_djangos_side_does_the_same_on_postgres() -> None:
    """Every test of these folders, none of them skipped."""
    folders = [f"tests/integration/{name}" for name in FOLDERS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *folders],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": "postgres"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    summary = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " skipped" not in summary
    assert int(summary.split(" passed")[0].split()[-1]) > 300
