"""What do four processes bring to a batch that one of them accepted, against a process alone?

    .venv/bin/python -m benchmarks.stealing

Jobs that do nothing, which cost processor time only, jobs that use some of it, and jobs that wait,
which use none. The batch is accepted by one process of each installation, and the time ends when
the last outcome is stored. Both installations have a Valkey of their own, and take turns.

What processes can bring is bounded by the machine: of a job that does nothing, Valkey's share can't
be done twice at once, and it uses a core meanwhile. So that share is measured, too, and how much
processor time a job takes of all processes and Valkey together: other load changes that least.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring.answers import AnsweringChild, serve
from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import OWNER, insist, open_engine
from benchmarks.measuring.spread import spread
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine

_LOOK_EVERY_S = 0.005
_SLOTS = 4


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    if options.child:
        _serve(options.child)
        return 0
    with _installation(1) as alone, _installation(options.processes) as together:
        rounds = [_round(options, alone, together, number) for number in range(options.rounds)]
    result = {
        "processes": options.processes,
        "jobs_per_s": {
            name: spread([one[name] for one in rounds]) for name in ("alone", "together")
        },
        "times_as_fast": spread([one["together"] / one["alone"] for one in rounds]),
        "us_each": {
            name: spread([one[name] for one in rounds]) for name in ("process_us", "valkey_us")
        },
        "used_us": {
            name: spread([one[f"{name}_used_us"] for one in rounds])
            for name in ("alone", "together", "alone_working", "together_working")
        },
        "working_times_as_fast": spread(
            [one["alone_working_s"] / one["together_working_s"] for one in rounds]
        ),
        "waiting_jobs": options.waiting,
        "waiting_s": spread([one["waiting_s"] for one in rounds]),
    }
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _round(
    options: argparse.Namespace, alone: "_Installation", together: "_Installation", number: int
) -> dict[str, float]:
    one: dict[str, float] = {}
    order = [("alone", alone), ("together", together)][:: 1 if number % 2 else -1]
    for name, each in order:
        valkey_s = each.valkey_s()
        done = each.ask("bench.nothing", [{"number": 0}] * options.jobs)
        one[name] = options.jobs / done["took_s"]
        one[f"{name}_used_us"] = 1e6 * done["used_s"] / options.jobs
        if each is alone:
            one["process_us"] = 1e6 * done["worked_s"] / options.jobs
            one["valkey_us"] = 1e6 * (each.valkey_s() - valkey_s) / options.jobs
    for name, each in order:
        done = each.ask("bench.work", [{"milliseconds": options.work_ms}] * options.working)
        one[f"{name}_working_s"] = done["took_s"]
        one[f"{name}_working_used_us"] = 1e6 * done["used_s"] / options.working
    sets = [{"seconds": options.seconds}] * options.waiting
    one["waiting_s"] = together.ask("bench.sleep", sets)["took_s"]
    print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return one


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [f"{'jobs that do nothing, a second':<40}{'median':>9}{'min':>9}{'max':>9}"]
    names = {"alone": "one process", "together": f"{result['processes']} processes"}
    for name, row in result["jobs_per_s"].items():
        lines.append(
            f"  {names[name]:<38}{row['median']:>9.0f}{row['min']:>9.0f}{row['max']:>9.0f}"
        )
    ratio, waiting = result["times_as_fast"], result["waiting_s"]
    working, each = result["working_times_as_fast"], result["us_each"]
    process, valkey = each["process_us"]["median"], each["valkey_us"]["median"]
    used = {name: row["median"] for name, row in result["used_us"].items()}
    lines += [
        f"  {ratio['median']:.2f} times as fast (rounds: {ratio['min']:.2f} to {ratio['max']:.2f})",
        f"  alone, each uses {process:.0f} us of its process and {valkey:.0f} us of Valkey: on two "
        f"cores {2 * max(process, valkey) / (process + valkey):.2f} times as fast is the most",
        f"  of all processes and Valkey each uses {used['alone']:.0f} us alone, "
        f"{used['together']:.0f} us together",
        f"jobs that use the processor: {working['median']:.2f} times as fast "
        f"(rounds: {working['min']:.2f} to {working['max']:.2f}); of all each uses "
        f"{used['alone_working']:.0f} us alone, {used['together_working']:.0f} us together",
        f"{result['waiting_jobs']} jobs that wait, {_SLOTS} at a time in a process: "
        f"{waiting['median']:.2f} s (rounds: {waiting['min']:.2f} to {waiting['max']:.2f})",
    ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Installation:
    """Its processes, the first of which accepts, and its Valkey."""

    children: Sequence[AnsweringChild]
    valkey_pid: int

    def ask(self, task: str, sets: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Have a batch run; return took_s, worked_s of the process that accepted it, and used_s of
        all processes and Valkey."""
        before = self._used_s()
        done = self.children[0].ask(task=task, sets=sets)
        return {**done, "used_s": self._used_s() - before}

    def valkey_s(self) -> float:
        """Return the processor time that Valkey has used."""
        return _processor_s(self.valkey_pid)

    def _used_s(self) -> float:
        return sum(map(_processor_s, [self.valkey_pid, *(each.pid for each in self.children)]))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _installation(processes: int) -> Iterator[_Installation]:
    """Yield the process that accepts; the others have nothing to do but what they take."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-bench-")))
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", passwords=new_passwords()))
        file = str(Context.of(folder, valkey).save())
        children = [
            stack.enter_context(AnsweringChild("benchmarks.stealing", "--child", file))
            for _ in range(processes)
        ]
        for child in children:
            child.ask(task="bench.nothing", sets=[{"number": 0}] * 200)
        yield _Installation(children, valkey.pid or 0)


def _serve(context_file: str) -> None:
    with open_engine(Context.load(context_file), job_threads=_SLOTS) as engine:
        serve(lambda question: _run(engine, question["task"], question["sets"]))


def _run(engine: JobEngine, task: str, sets: Sequence[dict[str, Any]]) -> dict[str, float]:
    began, busy_from = time.monotonic(), time.process_time()
    # Valkey shares two cores with all of them, and answers late now and then.
    batch_id = insist(lambda: engine.submit_batch(task, sets, owner=OWNER)).id
    while insist(lambda: engine.get_batch(batch_id, viewer=OWNER)).finished_at is None:
        time.sleep(_LOOK_EVERY_S)
    return {"took_s": time.monotonic() - began, "worked_s": time.process_time() - busy_from}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stealing", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--jobs", type=int, default=10_000, help="jobs that do nothing (default: 10000)"
    )
    parser.add_argument(
        "--working", type=int, default=3_000, help="jobs that use the processor (default: 3000)"
    )
    parser.add_argument(
        "--work-ms", type=float, default=1.0, help="how much each uses (default: 1)"
    )
    parser.add_argument("--waiting", type=int, default=40, help="jobs that wait (default: 40)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="how long each waits (default: 1)"
    )
    parser.add_argument(
        "--processes", type=int, default=4, help="processes of the larger one (default: 4)"
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often (default: 7)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
