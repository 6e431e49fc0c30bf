"""What does it cost that a job survives? Our executors against the bare pools of
concurrent.futures, on the same work.

    .venv/bin/python -m benchmarks.pools
    .venv/bin/python -m benchmarks.pools --charts docs/charts    # threads or processes,
    and how many?

``primes.sum`` on as many child processes, and pages that take 100 ms each on a hundred threads.
Ours are jobs: accepted, begun and ended durably, with progress.
Both pools are warm, and take turns.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import OWNER, insist, open_engine
from benchmarks.measuring.job_tasks import fetch
from benchmarks.measuring.scaling import markdown, measure, save_charts, works
from benchmarks.measuring.spread import spread
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.processes import START_METHOD
from flask_api.tasks.primes import sum_primes_below

_LOOK_EVERY_S = 0.005
_PAGE_MS = 100


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", passwords=new_passwords()))
        if options.charts is not None:
            print(
                _charts(
                    Context.of(folder, valkey), options, port=stack.enter_context(_slow_pages())
                )
            )
            return 0
        settings = {
            "job_threads": options.threads,
            # the one person of this benchmark may use every thread
            "job_running_limit": options.threads,
            "job_processes": options.processes,
        }
        engine = stack.enter_context(open_engine(Context.of(folder, valkey), **settings))
        measures = _measures(engine, options, stack)
        rounds = [_round(measures, number, options.rounds) for number in range(options.rounds)]
    result = figures(rounds)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _charts(context: Context, options: argparse.Namespace, *, port: int) -> str:
    """Save the charts of one work after the other on more and more workers;
    return the figures as a table."""
    wanted = works(sums=options.sums, limit=options.limit, pages=options.pages // 10, port=port)
    rows = list(measure(context, wanted, _jobs, rounds=options.rounds))
    for path in save_charts(rows, wanted, options.charts):
        print(f"saved {path}", file=sys.stderr)
    return markdown(rows, wanted)


def _measures(
    engine: JobEngine, options: argparse.Namespace, stack: ExitStack
) -> dict[str, dict[str, Callable[[], float]]]:
    """Return for each work the two ways to do it, warm; each returns the seconds it took."""
    context = multiprocessing.get_context(START_METHOD)
    processes = stack.enter_context(ProcessPoolExecutor(options.processes, mp_context=context))
    threads = stack.enter_context(ThreadPoolExecutor(options.threads))
    port = stack.enter_context(_slow_pages())
    sums, pages = [options.limit] * options.sums, [port] * options.pages
    _bare(processes, sum_primes_below, [100_000] * options.processes * 4)
    _jobs(engine, "bench.sum", [{"limit": 100_000}] * options.processes * 4)
    return {
        f"{options.sums} x primes.sum on {options.processes} processes": {
            "bare": partial(_bare, processes, sum_primes_below, sums),
            "ours": partial(_jobs, engine, "bench.sum", [{"limit": limit} for limit in sums]),
        },
        f"{options.pages} pages of {_PAGE_MS} ms on {options.threads} threads": {
            "bare": partial(_bare, threads, fetch, pages),
            "ours": partial(_jobs, engine, "bench.fetch", [{"port": port} for port in pages]),
        },
    }


def _bare(pool: Executor, function: Callable[[int], int], values: Sequence[int]) -> float:
    began = time.perf_counter()
    list(pool.map(function, values))
    return time.perf_counter() - began


def _jobs(engine: JobEngine, task: str, sets: Sequence[Mapping[str, Any]]) -> float:
    """Submit a batch, and wait until every outcome is stored."""
    began = time.perf_counter()
    batch_id = insist(partial(engine.submit_batch, task, sets, owner=OWNER)).id
    while (batch := insist(partial(engine.get_batch, batch_id, viewer=OWNER))).done < len(sets):
        time.sleep(_LOOK_EVERY_S)
    elapsed_s = time.perf_counter() - began
    if batch.counts[JobStatus.SUCCEEDED] != len(sets):
        raise RuntimeError(f"not all jobs succeeded: {batch.counts}")
    return elapsed_s


def _round(
    measures: dict[str, dict[str, Callable[[], float]]], number: int, rounds: int
) -> dict[str, dict[str, float]]:
    order = ("bare", "ours") if number % 2 else ("ours", "bare")
    one = {work: {way: ways[way]() for way in order} for work, ways in measures.items()}
    print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return one


def figures(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return median times, and our speed as a share of the bare pool's in the same round."""
    works: dict[str, Any] = {}
    for work in rounds[0]:
        shares = [one[work]["bare"] / one[work]["ours"] for one in rounds]
        works[work] = {way: median(one[work][way] for one in rounds) for way in ("bare", "ours")}
        works[work]["speed"] = spread(shares)
    return {"works": works, "rounds": rounds}


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [f"{'seconds (median of rounds)':<44}{'bare':>8}{'ours':>8}  our speed / bare (rounds)"]
    for work, row in result["works"].items():
        speed = row["speed"]
        share = f"{speed['median']:.2f} ({speed['min']:.2f} to {speed['max']:.2f})"
        lines.append(f"{work:<44}{row['bare']:>8.2f}{row['ours']:>8.2f}  {share}")
    return "\n".join(lines)


@contextmanager
def _slow_pages() -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.children.slow_pages", str(_PAGE_MS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pools", description=(__doc__ or "").split("\n\n")[0]
    )
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--rounds", type=int, default=9, help="how often both take turns (default: 9)"
    )
    parser.add_argument(
        "--sums", type=int, default=12, help="jobs of primes.sum in a round (default: 12)"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=30_000_000,
        help="each adds up the primes below this (default: 30000000)",
    )
    parser.add_argument("--pages", type=int, default=1000, help="pages in a round (default: 1000)")
    parser.add_argument(
        "--threads", type=int, default=100, help="threads for the pages (default: 100)"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=cores,
        help="processes for the sums (default: one for each core)",
    )
    parser.add_argument(
        "--charts",
        type=Path,
        metavar="FOLDER",
        help="1, 2, 4, 8 threads and processes instead: SVG files",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
