"""Each benchmark in its smallest size, one round:
that it still runs and prints its figures, never how good they are."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from shared.settings import ROOT

# The command line, and a line that its table has.
SMALLEST = {
    "gate --rounds 1 --seconds 0.05 --connections 1": r"ours / flask-login",
    "gate --where --requests 20": r"",
    "forward_auth --rounds 1 --seconds 0.05 --connections 1": r"^/api/auth +\d",
    "queues --rounds 1 --jobs 20 --samples 3": r"gatehouse starts in",
    "remote --rounds 1 --jobs 10": r"^rq-simple +\d",
    "remote --carrier celery --rounds 1 --jobs 10": r"^celery +\d",
    "submit --rounds 1 --seconds 0.05 --batch 10": r"accepted in batches",
    "fleet_model --samples 40 --workers 20": r"first limit, at",
    "futures --rounds 1 --jobs 10": r"^celery +\d",
    "pools --rounds 1 --sums 2 --limit 1000 --pages 4 --threads 2 --processes 1": r"primes\.sum on 1 "
    r"processes",
    "stealing --rounds 1 --jobs 20 --working 20 --waiting 4 --seconds 0.05 --processes 2": r"times as fast",
    "memory --rounds 1 --jobs 50 --sample 20": r"speed with them / without",
    "people --people 200 --here 20 --permissions 3": r"reconciling 20 people",
    "streams --rounds 1 --seconds 0.2 --followers 20 --events 3": r"reached all 20 streams",
    "streams --server gunicorn --rounds 1 --seconds 0.2 --followers 20 --people 1 "
    "--waiting long-polls": r"20 long-polls ",
    "pages --jobs 60 --scrolled 60 --pages 2 --seconds 1 --idle-s 0": r"progress reached 2 pages",
    "images --rounds 1 --images 4 --latency-ms 5 --threads 2": r"times as fast",
    "tables --rounds 1 --rows 1000": r"our speed / DuckDB's",
    "word_count --rounds 1 --megabytes 1": r"times as fast",
}


def test_every_benchmark_of_the_page_is_run_here() -> None:
    """A benchmark that no test runs is broken a month later."""
    page = (ROOT / "benchmarks/README.md").read_text()
    listed = set(re.findall(r"^\| `python -m benchmarks\.(\w+)", page, flags=re.MULTILINE))
    assert listed == {command.split()[0] for command in SMALLEST}


@pytest.mark.parametrize(("command", "line"), SMALLEST.items(), ids=list(SMALLEST))
def test_smallest_run_prints_its_table(command: str, line: str) -> None:
    """As the page says to call it, in the development environment."""
    module, *options = shlex.split(command)
    # set by these tests, not by who calls a benchmark
    ours = ("GATEHOUSE_", "DATABASE_URL", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(line, done.stdout, flags=re.MULTILINE), done.stdout
    assert re.search(r"\d", done.stdout)
