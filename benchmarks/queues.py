"""How many jobs a second, and how soon does one begin? Our engine against RQ, Celery,
Dramatiq and Huey.

    .venv/bin/python -m benchmarks.queues

No-op jobs, one Valkey with the same settings for all, on the same unix socket; each peer has two
worker processes and one process that submits. All take turns in every round. A peer's time ends
when its last job has begun; ours when the last outcome is stored, which is later.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.measuring.answers import AnsweringChild
from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import CONTEXT_VARIABLE, here, make, marks
from benchmarks.measuring.spread import spread
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey

_STOP_TIMEOUT_S = 15


@dataclass(frozen=True, slots=True)
class Contender:
    """One queue: its module in benchmarks.peers, how many processes submit, whether in batches,
    and one by one on how many threads."""

    name: str
    module: str
    producers: int = 1
    bulk: bool = True
    threads: int = 1

    @property
    def is_ours(self) -> bool:
        """Tell whether it is our engine."""
        return self.name.startswith("gatehouse")


CONTENDERS = (
    Contender("gatehouse", "benchmarks.peers.queues.gatehouse"),
    Contender("gatehouse-x2", "benchmarks.peers.queues.gatehouse", producers=2),
    Contender("gatehouse-singly", "benchmarks.peers.queues.gatehouse", bulk=False),
    Contender("gatehouse-16-threads", "benchmarks.peers.queues.gatehouse", bulk=False, threads=16),
    Contender("rq", "benchmarks.peers.queues.rq"),
    Contender("celery", "benchmarks.peers.queues.celery"),
    Contender("dramatiq", "benchmarks.peers.queues.dramatiq"),
    Contender("huey", "benchmarks.peers.queues.huey"),
)
# These share the latency of the first: submitting singly is what it measures.
_NO_LATENCY = ("gatehouse-x2", "gatehouse-singly", "gatehouse-16-threads")


class Running:
    """A contender whose processes run."""

    def __init__(self, contender: Contender, producers: Sequence[AnsweringChild]) -> None:
        self.contender = contender
        self._producers = producers
        self.refused = 0

    def jobs_per_s(self, count: int) -> tuple[float, float]:
        """Run ``count`` jobs; return how many a second were done,
        and how many a second were accepted."""
        marks().clear(count)
        share = count // len(self._producers)
        with ThreadPoolExecutor(len(self._producers)) as threads:
            asked = [
                threads.submit(
                    each.ask,
                    kind="throughput",
                    first=number * share,
                    count=share,
                    threads=self.contender.threads,
                )
                for number, each in enumerate(self._producers)
            ]
        answers = [each.result() for each in asked]
        self.refused = sum(each["refused"] for each in answers)
        began_ns = min(each["began_ns"] for each in answers)
        done, accepted = (
            1e9 * share * len(answers) / (max(each[name] for each in answers) - began_ns)
            for name in ("ended_ns", "submitted_ns")
        )
        return done, accepted

    def latencies_ms(self, count: int) -> list[float]:
        """Run jobs one at a time; return the time from the call of submit to the begin of each."""
        marks().clear(count)
        answer = self._producers[0].ask(kind="latency", count=count, pause_s=0.002)
        latencies: list[float] = answer["latencies_ms"]
        return latencies


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    contenders = [each for each in CONTENDERS if each.is_ours or each.name in options.peers]
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", passwords=new_passwords()))
        os.environ[CONTEXT_VARIABLE] = str(Context.of(folder, valkey).save())
        make(folder)
        running = [stack.enter_context(_run(each)) for each in contenders]
        result = _measure(running, options)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _measure(running: list[Running], options: argparse.Namespace) -> dict[str, Any]:
    rounds: list[dict[str, dict[str, Any]]] = []
    for each in running:
        each.jobs_per_s(200)  # processes load and connect on their first job
    for number in range(options.rounds):
        turn = number % len(running)
        one: dict[str, dict[str, Any]] = {}
        for each in running[turn:] + running[:turn]:
            done, accepted = each.jobs_per_s(options.jobs)
            one[each.contender.name] = {"jobs_per_s": done, "accepted_per_s": accepted}
        for each in running[turn:] + running[:turn]:
            if each.contender.name not in _NO_LATENCY:
                one[each.contender.name]["latencies_ms"] = each.latencies_ms(options.samples)
        rounds.append(one)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    result = figures(rounds, [each.contender for each in running])
    result["refused"] = {each.contender.name: each.refused for each in running if each.refused}
    return result


def figures(
    rounds: list[dict[str, dict[str, Any]]], contenders: Sequence[Contender]
) -> dict[str, Any]:
    """Return medians, and the ratios of ours to the best peer of the same round."""
    peers = [each.name for each in contenders if not each.is_ours]
    rows: dict[str, Any] = {}
    for name in (each.name for each in contenders):
        rows[name] = {
            key: median(one[name][key] for one in rounds)
            for key in ("jobs_per_s", "accepted_per_s")
        }
        latencies = [value for one in rounds for value in one[name].get("latencies_ms", ())]
        if latencies:
            rows[name]["latency_ms"] = {
                "median": median(latencies),
                "p95": quantiles(latencies, n=20)[-1],
            }
        if peers and name not in peers:
            ratios = [
                one[name]["jobs_per_s"] / max(one[peer]["jobs_per_s"] for peer in peers)
                for one in rounds
            ]
            rows[name]["ratio_to_best_peer"] = spread(ratios)
            if latencies:
                waits = [
                    median(one[name]["latencies_ms"]) / min(_medians_ms(one, peers))
                    for one in rounds
                ]
                rows[name]["latency_to_best_peer"] = spread(waits)
    slim = [
        {name: {k: v for k, v in row.items() if k != "latencies_ms"} for name, row in one.items()}
        for one in rounds
    ]
    return {"contenders": rows, "rounds": slim}


def _medians_ms(one: dict[str, dict[str, Any]], names: Sequence[str]) -> list[float]:
    return [median(one[name]["latencies_ms"]) for name in names]


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [
        f"{'medians':<22}{'jobs/s':>9}{'submits/s':>11}{'starts after, median':>23}{'p95':>10}  / "
        "best peer (rounds)"
    ]
    for name, row in result["contenders"].items():
        latency, ratio = row.get("latency_ms"), row.get("ratio_to_best_peer")
        starts = f"{latency['median']:>20.2f} ms{latency['p95']:>7.2f} ms" if latency else " " * 33
        against = (
            f"  {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})" if ratio else ""
        )
        lines.append(
            f"{name:<22}{row['jobs_per_s']:>9.0f}{row['accepted_per_s']:>11.0f}{starts}{against}"
        )
    for name, row in result["contenders"].items():
        if wait := row.get("latency_to_best_peer"):
            lines.append(
                f"{name} starts in {wait['median']:.2f} of the best peer's median "
                f"({wait['min']:.2f} to {wait['max']:.2f})"
            )
    for name, refused in result["refused"].items():
        lines.append(
            f"{name}: {refused} submits were refused, as Redis did not answer in time, "
            "and repeated."
        )
    return "\n".join(lines)


@contextmanager
def _run(contender: Contender) -> Iterator[Running]:
    """Start a contender's workers and producers; end them afterwards."""
    commands = import_module(contender.module).WORKERS
    kind = "bulk" if contender.bulk else "singly"
    with Path(here().folder, f"{contender.name}.log").open("wb") as log:
        options: dict[str, Any] = {
            "cwd": ROOT,
            "stdout": log,
            "stderr": log,
            "start_new_session": True,
        }
        workers = [subprocess.Popen([sys.executable, *command], **options) for command in commands]
    try:
        with ExitStack() as stack:
            producers = [
                stack.enter_context(
                    AnsweringChild("benchmarks.children.producer", contender.module, kind)
                )
                for _ in range(contender.producers)
            ]
            yield Running(contender, producers)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(_STOP_TIMEOUT_S)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.queues", description=(__doc__ or "").split("\n\n")[0]
    )
    names = [each.name for each in CONTENDERS if not each.is_ours]
    parser.add_argument(
        "--jobs", type=int, default=5000, help="jobs of each throughput measurement (default: 5000)"
    )
    parser.add_argument(
        "--samples", type=int, default=100, help="jobs of each latency measurement (default: 100)"
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="how often all take turns (default: 7)"
    )
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=names,
        default=names,
        help="with whom to compare (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
