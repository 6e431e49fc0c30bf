"""The engine's task that runs Django's tasks: named in GATEHOUSE_TASK_MODULES, where Django is set
up.

The only module that knows both sides but for wsgi.py: the engine loads it, the site never does.
"""

import json
from traceback import format_exception
from typing import Any

import django
from django.apps import apps
from django.db import close_old_connections
from django.utils import timezone
from django.utils.module_loading import import_string

if not apps.ready:  # else the process serves the site, too
    django.setup()

from django_site.tasks_backend.call import ERROR_FILE, JOB_TASK, TaskCall
from django_site.tasks_backend.interface import (
    Task,
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    task_finished,
    task_started,
)
from flask_api.jobs import JobCancelled, JobContext, task
from flask_api.jobs import TaskError as Refused

_TRACEBACK = 20_000


@task(JOB_TASK)
def run(
    path: str,
    backend: str,
    args: list[Any],
    kwargs: dict[str, Any],
    signature: str,
    *,
    job: JobContext,
) -> Any:
    """Run a task of the Django site. Only the site itself can submit one: it signs the call."""
    call = TaskCall(path=path, backend=backend, args=args, kwargs=kwargs)
    if not call.is_signed(job.job_id, signature):
        raise Refused("The Django site did not sign this call for this job.")
    found = import_string(path)
    if not isinstance(found, Task):
        raise Refused(f"{path} is no task any more.")
    close_old_connections()
    try:
        return _run(found, call, job)
    finally:
        close_old_connections()


def _run(found: Any, call: TaskCall, job: JobContext) -> Any:
    result = _result(found, call, job)
    sender = type(found.using(backend=call.backend).get_backend())
    task_started.send(sender, task_result=result)
    try:
        context: list[Any] = [TaskContext(task_result=result)] if found.takes_context else []
        returned = found.call(*context, *call.args, **call.kwargs)
    except JobCancelled:
        raise
    except BaseException as error:
        raised = _describe(error)
        result.errors.append(raised)
        object.__setattr__(result, "status", TaskResultStatus.FAILED)
        task_finished.send(sender, task_result=result)
        said = {
            "attempt": job.attempt,
            "class": raised.exception_class_path,
            "text": raised.traceback,
        }
        job.save_file(ERROR_FILE, json.dumps(said))
        raise
    object.__setattr__(result, "status", TaskResultStatus.SUCCESSFUL)
    task_finished.send(sender, task_result=result)
    return returned


def _result(found: Any, call: TaskCall, job: JobContext) -> Any:
    now = timezone.now()
    return TaskResult(
        task=found,
        id=job.job_id,
        status=TaskResultStatus.RUNNING,
        enqueued_at=None,
        started_at=now,
        finished_at=None,
        last_attempted_at=now,
        args=call.args,
        kwargs=call.kwargs,
        backend=call.backend,
        errors=[],
        worker_ids=[f"attempt-{each + 1}" for each in range(job.attempt)],
    )


def _describe(error: BaseException) -> Any:
    kind = type(error)
    return TaskError(
        exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
        traceback="".join(format_exception(error))[-_TRACEBACK:],
    )
