"""How long does ``list(executor.map(f, range(1000)))`` take? Ours over HTTP,
against results by RQ and by Celery.

    .venv/bin/python -m benchmarks.futures

No-op jobs, one Valkey with the same settings for all. Each contender's script runs in a process of
its own, its workers or its server are warm; all take turns in every round, and ratios are of the
same round. The script of each peer is the fastest that its documentation shows:
jobs are sent in pipelines or as a group, and results are waited for as they come.
"""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring.answers import AnsweringChild
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import CONTEXT_VARIABLE
from benchmarks.measuring.spread import spread
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run a function elsewhere: its module in benchmarks.peers."""

    name: str
    module: str


OURS = Contender("gatehouse", "benchmarks.peers.futures.gatehouse")
CONTENDERS = (
    OURS,
    Contender("rq", "benchmarks.peers.futures.rq"),
    Contender("celery", "benchmarks.peers.futures.celery"),
)
# Elapsed and CPU seconds of one round, by contender.
Round = dict[str, dict[str, float]]


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", passwords=new_passwords()))
        context = Context.of(folder, valkey)
        os.environ[CONTEXT_VARIABLE] = str(context.save())
        scripts = {
            each.name: stack.enter_context(_started(each, context, stack)) for each in CONTENDERS
        }
        result = _measure(scripts, options)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _started(contender: Contender, context: Context, stack: ExitStack) -> AnsweringChild:
    """Start what runs the jobs; return the script that asks for them."""
    stack.enter_context(import_module(contender.module).running(context))
    return AnsweringChild("benchmarks.children.futures_script", contender.module)


def _measure(scripts: dict[str, AnsweringChild], options: argparse.Namespace) -> dict[str, Any]:
    names = list(scripts)
    for script in scripts.values():
        script.ask(count=100)  # connections are made, processes load
    rounds: list[Round] = []
    for number in range(options.rounds):
        turn = number % len(names)
        rounds.append(
            {name: scripts[name].ask(count=options.jobs) for name in names[turn:] + names[:turn]}
        )
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return figures(rounds, jobs=options.jobs)


def figures(rounds: list[Round], *, jobs: int) -> dict[str, Any]:
    """Return medians, and how many times ours is as fast as each peer in the same round."""
    rows: dict[str, Any] = {}
    for name in rounds[0]:
        seconds = [one[name]["elapsed_s"] for one in rounds]
        rows[name] = {
            "elapsed_s": spread(seconds),
            "script_cpu_s": median(one[name]["cpu_s"] for one in rounds),
        }
        if name != OURS.name:
            ratios = [one[name]["elapsed_s"] / one[OURS.name]["elapsed_s"] for one in rounds]
            rows[name]["ours_is_faster"] = spread(ratios)
    return {"jobs": jobs, "contenders": rows, "rounds": rounds}


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    heads = f"{'median':>16}{'min':>8}{'max':>8}{'script CPU':>12}  times as long as ours (rounds)"
    lines = [f"{result['jobs']:>6} jobs, s    {heads}"]
    for name, row in result["contenders"].items():
        seconds, ratio = row["elapsed_s"], row.get("ours_is_faster")
        against = (
            f"  {ratio['median']:.1f} ({ratio['min']:.1f} to {ratio['max']:.1f})" if ratio else ""
        )
        spread = f"{seconds['median']:>16.3f}{seconds['min']:>8.3f}{seconds['max']:>8.3f}"
        lines.append(f"{name:<18}{spread}{row['script_cpu_s']:>12.3f}{against}")
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.futures", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--jobs", type=int, default=1000, help="jobs of each measurement (default: 1000)"
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="how often all take turns (default: 7)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
