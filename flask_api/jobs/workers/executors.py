"""The executors that a task may name, one row each, and which of them takes another's place."""

import importlib
from collections.abc import Mapping
from typing import cast

from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.executor import Executor, Host
from flask_api.jobs.workers.processes import ProcessesExecutor
from flask_api.jobs.workers.runner import AttemptRunner
from flask_api.jobs.workers.threads import ThreadsExecutor
from shared.errors import ConfigurationError
from shared.settings import ApiSettings

EXECUTORS: dict[str, type[Executor]] = {
    ThreadsExecutor.name: ThreadsExecutor,
    ProcessesExecutor.name: ProcessesExecutor,
}
# Imported only if a task or a setting names one: what they need is not installed everywhere.
REMOTE_EXECUTORS = {
    "rq": "flask_api.jobs.workers.remote.rq_carrier:RqExecutor",
    "celery": "flask_api.jobs.workers.remote.celery_carrier:CeleryExecutor",
}
_EVERY = "*"


def executors_of(registry: TaskRegistry, instead: Mapping[str, str]) -> dict[str, str]:
    """Return each task's executor, as the setting GATEHOUSE_EXECUTORS changes it.
    Raises ConfigurationError for one that there is not."""
    known = {task.name for task in registry} | {task.policy.executor for task in registry}
    for name in instead:
        if name not in known | {_EVERY, *EXECUTORS, *REMOTE_EXECUTORS}:
            raise ConfigurationError(
                f"GATEHOUSE_EXECUTORS: there is no task and no executor {name!r}"
            )
    chosen = {}
    for task in registry:
        own = task.policy.executor
        chosen[task.name] = instead.get(task.name, instead.get(own, instead.get(_EVERY, own)))
        is_known = chosen[task.name] in EXECUTORS or chosen[task.name] in REMOTE_EXECUTORS
        if not is_known and ":" not in chosen[task.name]:
            place = f"task {task.name}" if chosen[task.name] == own else "GATEHOUSE_EXECUTORS"
            raise ConfigurationError(
                f"{place}: there is no executor {chosen[task.name]!r}; "
                f"there are: {', '.join((*EXECUTORS, *REMOTE_EXECUTORS))}, "
                "and package.module:function that returns a concurrent.futures.Executor"
            )
    return chosen


def make_executors(
    names: Mapping[str, str],
    host: Host,
    registry: TaskRegistry,
    settings: ApiSettings,
    runner: AttemptRunner,
) -> dict[str, Executor]:
    """Return the executors of this process and those that tasks need, by name."""
    wanted = [*EXECUTORS, *sorted(set(names.values()) - EXECUTORS.keys())]
    return {name: _kind_of(name).make(host, registry, settings, runner) for name in wanted}


def _kind_of(name: str) -> type[Executor]:
    if name in EXECUTORS:
        return EXECUTORS[name]
    if name not in REMOTE_EXECUTORS:
        from flask_api.jobs.workers.futures.executor import futures_executor

        return futures_executor(name)
    module, _, attribute = REMOTE_EXECUTORS[name].partition(":")
    try:
        return cast(type[Executor], getattr(importlib.import_module(module), attribute))
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the executor {name} needs {error.name}: install Gatehouse with the extra {name}: "
            f"pip install '.[{name}]' in its checkout"
        ) from error
