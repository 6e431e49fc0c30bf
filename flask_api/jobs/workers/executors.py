"""The executors that a task may name, one row each."""

from flask_api.jobs.workers.executor import Executor
from flask_api.jobs.workers.processes import ProcessesExecutor
from flask_api.jobs.workers.threads import ThreadsExecutor

EXECUTORS: dict[str, type[Executor]] = {
    ThreadsExecutor.name: ThreadsExecutor,
    ProcessesExecutor.name: ProcessesExecutor,
}
