"""The executors that a task may name, one row each."""

from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.executor import Executor
from flask_api.jobs.workers.processes import ProcessesExecutor
from flask_api.jobs.workers.threads import ThreadsExecutor
from shared.errors import ConfigurationError

EXECUTORS: dict[str, type[Executor]] = {
    ThreadsExecutor.name: ThreadsExecutor,
    ProcessesExecutor.name: ProcessesExecutor,
}


def require_executors(registry: TaskRegistry) -> None:
    """Raise ConfigurationError for a task whose executor there is not."""
    for task in registry:
        if task.policy.executor not in EXECUTORS:
            raise ConfigurationError(
                f"task {task.name}: there is no executor {task.policy.executor!r}; "
                f"there are: {', '.join(EXECUTORS)}"
            )
