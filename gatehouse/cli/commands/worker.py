"""``worker``: run attempts on this machine. The worker is another package's: it is only started."""

import os
import sys
from importlib.util import find_spec

import click

from gatehouse.cli.command import command
from gatehouse.cli.exit_codes import CommandFailed, ExitCode

_MODULE = "flask_api.jobs.workers.remote"


@command("worker")
@click.option("--slots", type=int, help="Attempts at once; else one per processor.")
@click.option("--label", "labels", multiple=True, help="What this machine has: gpu. Repeatable.")
@click.option("--carrier", default="rq", help="What brings attempts here: rq (default) or celery.")
def worker(slots: int | None, labels: tuple[str, ...], carrier: str) -> None:
    """Run jobs of servers that reach the same Redis.

    It needs Gatehouse's extras worker and rq (or celery), and GATEHOUSE_JOBS_REDIS_URL,
    GATEHOUSE_WORKER_SECRETS, GATEHOUSE_TASK_MODULES and GATEHOUSE_JOB_FILES_URL.
    SIGTERM stops it gracefully.
    """
    if find_spec("flask_api") is None or find_spec("redis") is None:
        raise CommandFailed(
            "a worker needs more than the client: install Gatehouse with the extras worker and "
            f"{carrier}: pip install '.[worker,{carrier}]' in its checkout",
            code=ExitCode.USAGE,
        )
    arguments = ["--carrier", carrier]
    arguments += [] if slots is None else ["--slots", str(slots)]
    arguments += [argument for label in labels for argument in ("--label", label)]
    # In this process's place: a signal sent to it is the worker's.
    os.execv(sys.executable, [sys.executable, "-m", _MODULE, *arguments])  # noqa: S606  # our own
