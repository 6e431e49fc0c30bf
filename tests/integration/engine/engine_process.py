"""A process with a job engine, for tests that kill it:
reads jobs to submit as JSON lines, answers with their ids."""

import json
import os
import sys

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from shared.settings import ApiSettings, load_settings
from tests.integration.engine.engine_bench import TASKS


def main() -> None:
    """Serve until the input ends."""
    changes = {
        "task_modules": TASKS,
        "job_heartbeat_s": int(os.environ.get("GATEHOUSE_JOB_HEARTBEAT_S", "2")),
        "job_threads": 4,
        "job_processes": 2,
        "redis_timeout_ms": 250,
    }
    settings = load_settings(ApiSettings).model_copy(update=changes)
    engine = JobEngine(open_job_connections(settings), load_tasks(settings.task_modules), settings)
    engine.start()
    print("ready", flush=True)  # noqa: T201  # the answer to who started it
    for line in sys.stdin:
        wanted = json.loads(line)
        owner = Owner(id=wanted["owner"], username="ada")
        ids = [
            engine.submit(wanted["task"], arguments, owner=owner).id
            for arguments in wanted["arguments"]
        ]
        print(json.dumps(ids), flush=True)  # noqa: T201
    engine.shutdown(deadline_s=0)


if __name__ == "__main__":
    main()
