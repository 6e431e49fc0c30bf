"""A worker's process: ``gatehouse worker``, or ``python -m flask_api.jobs.workers.remote``.

It needs Redis, the modules with tasks, the storage of files and the secret that entries are signed
with; no Django, no Flask, and no secret of a session.
"""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.errors import ConfigurationError
from shared.logs import configure_logging
from shared.redis.finder import server_of
from shared.redis.trial import find_refusal
from shared.settings import WorkerSettings, load_settings, misspelt_settings

log = logging.getLogger("gatehouse.jobs")

# What carries entries here: a module with the functions require_broker(settings), which raises
# ConfigurationError, and serve(worker, settings).
CARRIERS = {
    "rq": "flask_api.jobs.workers.remote.rq_worker",
    "celery": "flask_api.jobs.workers.remote.celery_worker",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until it is told to stop; return the exit code."""
    wanted = _read(arguments)
    try:
        settings = _settings(wanted)
        configure_logging(settings.log_format)
        for problem in misspelt_settings():
            log.warning(problem)
        _require_redis(settings)
        carrier = importlib.import_module(CARRIERS[wanted.carrier])
        carrier.require_broker(settings)
        registry = load_tasks(settings.task_modules)
    except ConfigurationError as error:
        print(f"gatehouse worker: {error.message}", file=sys.stderr)  # noqa: T201  # a command's own voice
        return 2
    except ImportError as error:
        print(  # noqa: T201
            f"gatehouse worker: {error}; install Gatehouse with the extra {wanted.carrier}: "
            f"pip install '.[{wanted.carrier}]' in its checkout",
            file=sys.stderr,
        )
        return 2
    store = open_job_connections(settings)
    worker = RemoteWorker(store, registry, settings, carrier=wanted.carrier)
    try:
        worker.start()
        carrier.serve(worker, settings)
    finally:
        worker.stop(drain_s=settings.worker_drain_s)
        store.close()
    return 0


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gatehouse worker", description="Run attempts on this machine."
    )
    parser.add_argument("--slots", type=int, help="attempts at once; else one per processor")
    parser.add_argument(
        "--label", action="append", default=[], help="what this machine has: gpu; may be repeated"
    )
    parser.add_argument(
        "--carrier", choices=sorted(CARRIERS), default="rq", help="what brings attempts here"
    )
    return parser.parse_args(arguments)


def _settings(wanted: argparse.Namespace) -> WorkerSettings:
    settings = load_settings(WorkerSettings)
    if not settings.worker_secrets:
        raise ConfigurationError(
            "GATEHOUSE_WORKER_SECRETS: it is required: the same as where the API runs"
        )
    changes: dict[str, object] = {}
    if wanted.slots is not None:
        if not 1 <= wanted.slots <= 256:
            raise ConfigurationError("--slots: it must be 1 to 256")
        changes["worker_slots"] = wanted.slots
    if wanted.label:
        changes["worker_labels"] = tuple(wanted.label)
    return settings.model_copy(update=changes)


def _require_redis(settings: WorkerSettings) -> None:
    """Raise ConfigurationError for a Redis that nobody named, and for one that no waiting would
    make usable; one that is away is waited for."""
    if not settings.model_fields_set & {"jobs_redis_url", "api_redis_url", "redis_url"}:
        raise ConfigurationError(
            "GATEHOUSE_JOBS_REDIS_URL: it is required: the Redis where the API keeps its jobs"
        )
    url = settings.job_store_url
    if problem := find_refusal(url, timeout_s=settings.redis_timeout_ms / 1000):
        raise ConfigurationError(
            f"{settings.job_store_variable}: the Redis at {server_of(url)} can't be used, {problem}"
        )


if __name__ == "__main__":
    sys.exit(main())
