"""What does a queued job weigh, does memory come back,
and does a job cost more when many finished ones are kept?

    .venv/bin/python -m benchmarks.memory

Each figure is measured in a process of its own,
with an engine that accepts batches while every slot is held by a job.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import tracemalloc
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring.answers import AnsweringChild, serve
from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import OWNER, insist, open_engine
from benchmarks.measuring.job_tasks import RELEASED
from benchmarks.measuring.spread import spread
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import JobStatus

_LOOK_EVERY_S = 0.01
_BATCH = 10_000


def main() -> int:
    """Run the benchmark that the command line asks for."""
    options = _parse()
    if options.child:
        _serve(options.child, traced=options.traced)
        return 0
    traced = _in_fresh_process("weigh", options.jobs, traced=True)
    result = {
        "jobs": options.jobs,
        **_in_fresh_process("weigh", options.jobs),
        "traced_bytes_per_job": traced["traced_bytes_per_job"],
        **_cost_of_kept(options),
    }
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


def _in_fresh_process(kind: str, jobs: int, *, traced: bool = False) -> dict[str, Any]:
    with ExitStack() as stack:
        return _start(stack, traced=traced).ask(kind=kind, jobs=jobs)


def _cost_of_kept(options: argparse.Namespace) -> dict[str, Any]:
    """Return the speed beside a Redis that keeps ``jobs`` finished ones and one that keeps few,
    in rounds that take turns."""
    ratios, speeds = [], []
    with ExitStack() as stack:
        empty, full = _start(stack), _start(stack)
        full.ask(kind="run", jobs=options.jobs)
        for number in range(options.rounds):
            order = [("empty", empty), ("full", full)][:: 1 if number % 2 else -1]
            one = {
                name: each.ask(kind="run", jobs=options.sample)["jobs_per_s"]
                for name, each in order
            }
            empty.ask(kind="forget")
            ratios.append(one["full"] / one["empty"])
            speeds.append(one)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return {
        "jobs_per_s": {name: median(one[name] for one in speeds) for name in ("empty", "full")},
        "speed_with_kept_jobs": spread(ratios),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    speed, kept = result["jobs_per_s"], result["speed_with_kept_jobs"]
    resident = ", ".join(f"{megabytes:.1f}" for megabytes in result["resident_mb"].values())
    names = ", ".join(name.replace("_", " ") for name in result["resident_mb"])
    return "\n".join(
        [
            f"{result['jobs']} queued jobs weigh in the server, each:",
            f"  {result['resident_bytes_per_job']:.0f} bytes by the process's resident memory",
            f"  {result['traced_bytes_per_job']:.0f} bytes by tracemalloc",
            f"resident MB ({names}): {resident}",
            f"jobs per second with few finished jobs kept: {speed['empty']:.0f}, with "
            f"{result['jobs']}: {speed['full']:.0f}",
            f"  speed with them / without: {kept['median']:.2f} (rounds: {kept['min']:.2f} to "
            f"{kept['max']:.2f})",
        ]
    )


def _start(stack: ExitStack, *, traced: bool = False) -> AnsweringChild:
    """Start a Valkey, and an engine in a process of its own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-bench-")))
    valkey = stack.enter_context(EmbeddedValkey(folder / "valkey", passwords=new_passwords()))
    file = str(Context.of(folder, valkey).save())
    return stack.enter_context(
        AnsweringChild("benchmarks.memory", "--child", file, *(["--traced"] if traced else []))
    )


def _serve(context_file: str, *, traced: bool) -> None:
    context = Context.load(context_file)
    with open_engine(context) as engine:
        _run(engine, 2000)  # what is made once is made now

        def answer(question: dict[str, Any]) -> dict[str, Any]:
            if question["kind"] == "weigh":
                return _weigh(engine, question["jobs"], traced=traced)
            if question["kind"] == "run":
                return {"jobs_per_s": question["jobs"] / _run(engine, question["jobs"])}
            return _forget(context)

        serve(answer)


def _weigh(engine: JobEngine, jobs: int, *, traced: bool) -> dict[str, Any]:
    """Queue jobs behind others that hold every slot, drain them, and do so again;
    return what memory did."""
    if traced:
        tracemalloc.start()
    resident = {"before": _resident_bytes()}
    traced_before = _traced_bytes()
    drains = 1 if traced else 3
    for number in range(1, drains + 1):
        RELEASED.clear()
        holds: list[dict[str, Any]] = [{}] * engine.settings.job_threads
        hold = insist(partial(engine.submit_batch, "bench.hold", holds, owner=OWNER)).id
        batches = _submit(engine, jobs)
        if number == 1:
            traced_after = _traced_bytes()
            resident["queued"] = _resident_bytes()
            tracemalloc.stop()
        RELEASED.set()
        _wait(engine, [hold, *batches])
        resident[f"drained_{number}"] = _resident_bytes()
    return {
        "traced_bytes_per_job": (traced_after - traced_before) / jobs,
        "resident_bytes_per_job": (resident["queued"] - resident["before"]) / jobs,
        "resident_mb": {name: value / 1e6 for name, value in resident.items()},
    }


def _run(engine: JobEngine, jobs: int) -> float:
    """Return the seconds from the first submit to the last outcome."""
    began = time.perf_counter()
    _wait(engine, _submit(engine, jobs))
    return time.perf_counter() - began


def _submit(engine: JobEngine, jobs: int) -> list[str]:
    sizes = [min(_BATCH, jobs - first) for first in range(0, jobs, _BATCH)]
    return [
        insist(
            partial(
                engine.submit_batch,
                "bench.nothing",
                [{"number": number} for number in range(size)],
                owner=OWNER,
            )
        ).id
        for size in sizes
    ]


def _wait(engine: JobEngine, batches: list[str]) -> None:
    for batch_id in batches:
        while (
            batch := insist(partial(engine.get_batch, batch_id, viewer=OWNER))
        ).done < batch.total:
            time.sleep(_LOOK_EVERY_S)
        if batch.counts[JobStatus.SUCCEEDED] != batch.total:
            raise RuntimeError(f"not all jobs succeeded: {batch.counts}")


def _forget(context: Context) -> dict[str, Any]:
    """Remove the finished jobs, so that the next round finds few of them again."""
    import redis

    with redis.Redis.from_url(context.peer_redis_url) as admin:
        for pattern in ("record", "owner", "events", "batch", "members", "ended", "expiring"):
            for name in admin.scan_iter(match=f"gatehouse:jobs:{pattern}*", count=1000):
                admin.unlink(name)
    return {}


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--jobs", type=int, default=100_000, help="queued, drained and kept jobs (default: 100000)"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=10_000,
        help="jobs whose speed is measured in a round (default: 10000)",
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="rounds of the comparison with kept jobs (default: 7)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--traced", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
