"""Tasks of sample_tasks on processes: one suite for both executors.
``sample.x`` is ``child.x`` here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ParamSpec, TypeVar

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import Task, task
from tests.integration.engine import sample_tasks as sample

P = ParamSpec("P")
R = TypeVar("R")


def _on_processes(like: Task[P, R]) -> Task[P, R]:
    policy = like.policy
    return task(
        like.name.replace("sample.", "child."),
        executor="processes",
        timeout_s=policy.timeout_s,
        max_attempts=policy.max_attempts,
        retry_on=policy.retry_on,
        never_retry=policy.never_retry,
        backoff_s=policy.backoff_s,
        backoff_cap_s=policy.backoff_cap_s,
    )(like.function)


echo = _on_processes(sample.echo)
fail = _on_processes(sample.fail)
refuse = _on_processes(sample.refuse)
not_json = _on_processes(sample.not_json)
hidden_nan = _on_processes(sample.hidden_nan)
long_number = _on_processes(sample.long_number)
big = _on_processes(sample.big)
leave = _on_processes(sample.leave)
hold = _on_processes(sample.hold)
deaf = _on_processes(sample.deaf)
slow = _on_processes(sample.slow)
steps = _on_processes(sample.steps)
slow_deaf = _on_processes(sample.slow_deaf)
slow_once = _on_processes(sample.slow_once)
flaky = _on_processes(sample.flaky)
crash = _on_processes(sample.crash)
words = _on_processes(sample.words)
unprintable = _on_processes(sample.unprintable)


@task("child.hog", executor="processes")
def hog(path: str) -> int:
    """Let no other thread run for a minute or more: one call of C."""
    sys.set_int_max_str_digits(0)
    Path(f"{path}.runs").write_text("x\n")
    return len(str(7**4_000_000))


@task("child.look_around", executor="processes")
def look_around(*, job: JobContext) -> list[str]:
    """Return all that a task sees of settings:
    its context's, its environment's, and a program's that it starts."""
    settings = [
        str(value.get_secret_value())
        for value in (job.settings.redis_url, job.settings.api_redis_url)
        if value
    ]
    return [
        *settings,
        *job.settings.secrets,
        *os.environ.values(),
        *subprocess.check_output(["env"], text=True).splitlines(),
    ]
