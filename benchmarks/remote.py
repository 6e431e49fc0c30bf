"""How many jobs a second run on workers? Ours, carried by RQ or Celery, against these by
themselves.

    .venv/bin/python -m benchmarks.remote --carrier celery

Jobs that return a number, submitted one by one by one process; two slots each: our worker with two,
and two of RQ's ``Worker``, which can kill a job as ours can and forks for each, and two of its
``SimpleWorker``, which can't; or Celery's worker with two processes. One Valkey; all take turns in
every round. The time ends when the last result is stored.
"""

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import OWNER, UNBOUNDED, insist, open_engine
from benchmarks.measuring.marks import CONTEXT_VARIABLE
from benchmarks.peers.celery_workers import COMMAND, app_of
from benchmarks.peers.rq_workers import KINDS, enqueue, queue_of
from benchmarks.peers.worker_processes import worker_processes
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace

OURS = "gatehouse"
_TASKS = "benchmarks.measuring.job_tasks"
_PATIENCE_S = 300.0
Run = Callable[[int], float]


def main() -> int:
    """Measure, and print the table."""
    options = _parse()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedValkey(Path(folder, "valkey"), passwords=new_passwords()) as valkey,
    ):
        context = Context.of(Path(folder), valkey)
        os.environ[CONTEXT_VARIABLE] = str(context.save())
        peers = {"rq": _rq, "celery": _celery}[options.carrier]
        with our_workers(context, valkey, options.carrier) as ours, peers(context) as theirs:
            runs = {OURS: ours, **theirs}
            for run in runs.values():
                run(20)  # processes load and connect on their first job
            rounds = [
                {name: options.jobs / run(options.jobs) for name, run in _in_turn(runs, number)}
                for number in range(options.rounds)
            ]
    for name in runs:
        ratios = sorted(one[OURS] / one[name] for one in rounds)
        print(
            f"{name:<18}{median(one[name] for one in rounds):>8.0f} jobs/s"
            f"   ours / this: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    return 0


def _in_turn(runs: dict[str, Run], number: int) -> list[tuple[str, Run]]:
    order = list(runs.items())
    turn = number % len(order)
    return order[turn:] + order[:turn]


@contextmanager
def our_workers(context: Context, valkey: EmbeddedValkey, carrier: str) -> Iterator[Run]:
    """Yield what runs so many jobs on a worker of ours with two slots, and returns the seconds."""
    secret = secrets.token_urlsafe(32)
    os.environ |= {
        "GATEHOUSE_JOBS_REDIS_URL": valkey.url("worker"),
        "GATEHOUSE_WORKER_SECRETS": secret,
        "GATEHOUSE_TASK_MODULES": _TASKS,
        "GATEHOUSE_JOB_FILES_URL": f"{context.folder}/files",
        **{f"GATEHOUSE_{name.upper()}": str(value) for name, value in UNBOUNDED.items()},
    }
    command = ("-m", "flask_api.jobs.workers.remote", "--slots", "2", "--carrier", carrier)
    settings = {"executors": {"*": carrier}, "worker_secrets": (SecretStr(secret),)}
    with (
        worker_processes(context, [command], name="ours"),
        open_engine(context, jobs_redis_url=SecretStr(valkey.url("api")), **settings) as engine,
    ):

        def unfinished() -> int:
            return int(valkey_client.scard(keyspace.opened(OWNER.id)))

        valkey_client = queue_of(context, "rq").connection

        def run(count: int) -> float:
            begun = time.perf_counter()
            for number in range(count):
                insist(lambda: engine.submit("bench.number", {"number": number}, owner=OWNER))  # noqa: B023  # run at once
            _wait_for(lambda: not unfinished())
            return time.perf_counter() - begun

        yield run
        valkey_client.close()


@contextmanager
def _rq(context: Context) -> Iterator[dict[str, Run]]:
    commands = [("-m", "benchmarks.peers.rq_workers", kind) for kind in KINDS for _ in range(2)]
    queues = {kind: queue_of(context, kind) for kind in KINDS}

    def run_of(kind: str) -> Run:
        queue = queues[kind]

        def run(count: int) -> float:
            before = queue.finished_job_registry.get_job_count(cleanup=False)
            begun = time.perf_counter()
            for number in range(count):
                enqueue(queue, number)
            _wait_for(
                lambda: queue.finished_job_registry.get_job_count(cleanup=False) >= before + count
            )
            return time.perf_counter() - begun

        return run

    with worker_processes(context, commands, name="theirs"):
        yield {kind: run_of(kind) for kind in KINDS}
    for queue in queues.values():
        queue.connection.close()


@contextmanager
def _celery(context: Context) -> Iterator[dict[str, Run]]:
    app, client = app_of(context), queue_of(context, "rq").connection
    task = app.tasks["nothing"]

    def run(count: int) -> float:
        begun = time.perf_counter()
        sent = [task.apply_async((number,)) for number in range(count)]
        names = [app.backend.get_key_for_task(each.id) for each in sent]
        # Not all names every time: with hundreds of them this process would take what it measures.
        _wait_for(lambda: client.exists(names[-1]))
        _wait_for(lambda: client.exists(*names) == count)
        took_s = time.perf_counter() - begun
        sent.clear()  # only now: Celery unsubscribes from each result that is dropped
        return took_s

    with worker_processes(context, [COMMAND], name="theirs"):
        yield {"celery": run}
    app.close()
    client.close()


def _wait_for(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError("the jobs did not end")
        time.sleep(0.005)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.remote", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--jobs", type=int, default=500, help="jobs of a round (default: 500)")
    parser.add_argument("--carrier", choices=("rq", "celery"), default="rq", help="(default: rq)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
