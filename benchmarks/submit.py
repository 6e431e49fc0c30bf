"""How many jobs a second does a server accept? POST /api/jobs through our gate,
against two ways to enqueue on RQ.

    .venv/bin/python -m benchmarks.submit

Same server, same Valkey, one person who is logged in, in rounds that take turns. Every application
checks who asks and what, and answers 202 when the job is stored. First nobody runs the jobs: ours
are to start later, RQ's worker is halted. Then both do, on the one core that also answers:
ours in the process of the server, RQ's in a worker of its own.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.measuring.answers import LOAD_CORE, SERVER_CORE, pin
from benchmarks.measuring.contenders import ROOT, Contender, Measure, by_http, seed
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import CONTEXT_VARIABLE
from benchmarks.measuring.spread import spread
from benchmarks.measuring.turns import turns_parser
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey

OURS = Contender("gatehouse", "benchmarks.peers.submit.gatehouse")
CONTENDERS = (
    OURS,
    Contender("drf-rq", "benchmarks.peers.submit.drf"),
    Contender("flask-login-rq", "benchmarks.peers.submit.flask_login_people"),
    Contender("flask-login-tuned-rq", "benchmarks.peers.submit.flask_login_people", is_tuned=True),
    Contender("flask-login-dict-rq", "benchmarks.peers.submit.flask_login"),
    Contender("flask-login-dict-tuned-rq", "benchmarks.peers.submit.flask_login", is_tuned=True),
)
ACCEPTED, RUN, BATCHES = "accepted", "accepted and run", "accepted in batches, and run"
# Jobs per second in one round, by what was asked of it and by contender.
Round = dict[str, dict[str, float]]


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "valkey", passwords=new_passwords()) as valkey:
            pin(LOAD_CORE, valkey.pid or 0)
            result = _compare(Context.of(folder, valkey).save(), options)
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _compare(context_file: Path, options: argparse.Namespace) -> dict[str, Any]:
    cookies = seed(CONTENDERS, context_file)
    rounds: list[Round] = []
    http = by_http(
        CONTENDERS, context_file, connections=options.connections, threads=options.threads
    )
    with http as measure, _rq_worker(context_file) as worker:
        for each in CONTENDERS:
            # applications load on their first request
            _ask(measure, each, cookies, seconds=0.2, begins=False)
        for number in range(options.rounds):
            turn = number % len(CONTENDERS)
            order = CONTENDERS[turn:] + CONTENDERS[:turn]
            one: Round = {ACCEPTED: {}, RUN: {}}
            for each in order:
                one[ACCEPTED][each.name] = _ask(
                    measure, each, cookies, seconds=options.seconds, begins=False
                )
            for each in order:
                with _resumed(worker, when=each != OURS):
                    one[RUN][each.name] = _ask(
                        measure, each, cookies, seconds=options.seconds, begins=True
                    )
            one[BATCHES] = {
                OURS.name: _ask_batches(
                    measure, cookies, seconds=options.seconds, size=options.batch
                )
            }
            rounds.append(one)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return figures(rounds)


def _ask(
    measure: Measure, contender: Contender, cookies: dict[str, str], *, seconds: float, begins: bool
) -> float:
    """Return accepted jobs per second."""
    peer = import_module(contender.module)
    cookie = cookies[contender.module]
    more = {"headers": peer.headers(cookie), "body": json.dumps(peer.body(begins=begins))}
    answer = measure(contender, path=peer.PATH, cookie=cookie, seconds=seconds, **more)
    return float(answer["requests"] / answer["elapsed_s"])


def _ask_batches(measure: Measure, cookies: dict[str, str], *, seconds: float, size: int) -> float:
    """Return accepted jobs per second, by batches one after the other while those before run."""
    peer = import_module(OURS.module)
    cookie = cookies[OURS.module]
    more = {"headers": peer.headers(cookie), "body": json.dumps(peer.body(size)), "connections": 1}
    answer = measure(OURS, path="/api/batches", cookie=cookie, seconds=seconds, **more)
    return float(size * answer["requests"] / answer["elapsed_s"])


@contextmanager
def _rq_worker(context_file: Path) -> Iterator[int]:
    """A worker on the server's core, halted; yields its process id."""
    command = [sys.executable, "-m", "benchmarks.peers.queues.rq", "submit"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, CONTEXT_VARIABLE: str(context_file)}
    )
    pin(SERVER_CORE, process.pid)
    process.send_signal(signal.SIGSTOP)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def _resumed(worker: int, *, when: bool) -> Iterator[None]:
    if when:
        os.kill(worker, signal.SIGCONT)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGSTOP)


def figures(rounds: list[Round]) -> dict[str, Any]:
    """Return medians, and the ratios of ours to each peer in the same round."""
    kinds = {
        kind: {name: spread([one[kind][name] for one in rounds]) for name in by_name}
        for kind, by_name in rounds[0].items()
    }
    peers = [each.name for each in CONTENDERS if each != OURS]
    ratios = {
        kind: {
            name: spread([one[kind][OURS.name] / one[kind][name] for one in rounds])
            for name in peers
        }
        for kind in (ACCEPTED, RUN)
    }
    return {"rounds": rounds, "jobs_per_s": kinds, "ratios": ratios}


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [f"{'jobs per second':<32}{'median':>9}{'min':>9}{'max':>9}  ours / this (rounds)"]
    for kind, rows in result["jobs_per_s"].items():
        lines.append(kind)
        for name, row in rows.items():
            ratio = result["ratios"].get(kind, {}).get(name)
            against = (
                f"  {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
                if ratio
                else ""
            )
            lines.append(
                f"  {name:<30}{row['median']:>9.0f}{row['min']:>9.0f}{row['max']:>9.0f}{against}"
            )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = turns_parser("submit", __doc__, seconds=1.0, rounds=15)
    parser.add_argument("--batch", type=int, default=1000, help="jobs in a batch (default: 1000)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
