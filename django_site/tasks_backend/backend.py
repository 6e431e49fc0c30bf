"""The backend: what Django code enqueues becomes a job of one account, and its record a result."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import DatabaseError
from django.utils.module_loading import import_string

from django_site.publishing.people import id_of
from django_site.submitting.asking import ask
from django_site.submitting.errors import SubmitRefused
from django_site.submitting.order import OrderOptions, order_of
from django_site.submitting.submission import submit_order
from django_site.tasks_backend.call import ERROR_FILE, JOB_TASK, TaskCall
from django_site.tasks_backend.interface import (
    BaseTaskBackend,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_enqueued,
)
from shared.job_ids import new_job_id

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_STATUS = {
    "queued": TaskResultStatus.READY,
    "running": TaskResultStatus.RUNNING,
    "succeeded": TaskResultStatus.SUCCESSFUL,
    "failed": TaskResultStatus.FAILED,
    "cancelled": TaskResultStatus.FAILED,
}
# What the engine itself says of an attempt, as Django's interface has it: by a class.
_ENGINES_OWN = {
    "TimedOut": "builtins.TimeoutError",
    "WorkerLost": "builtins.ChildProcessError",
}
_CANCELLED = TaskError(
    exception_class_path="asyncio.exceptions.CancelledError", traceback="The job was cancelled."
)


class GatehouseBackend(BaseTaskBackend):
    """Runs Django's tasks as jobs.

    OPTIONS: ``USERNAME``, whose jobs they are; ``OUTBOX`` (False), whether they are kept in the
    transaction that enqueues them until they are accepted; ``USING``, the database whose
    transaction that is.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Submit a job that runs ``task``: once the transaction commits, at once if there is none.
        Its id is known before.

        Raises what ``submit`` raises, TypeError for what JSON can't hold, and
        ImproperlyConfigured where the account isn't there.
        """
        self.validate_task(task)
        result = self._result(new_job_id(), task, args, kwargs)
        call = TaskCall(
            path=task.module_path, backend=self.alias, args=result.args, kwargs=result.kwargs
        )
        options = OrderOptions(priority=_priority(task.priority))
        if task.run_after is not None:
            options["start_at"] = task.run_after
        person = self._person()
        order = order_of(
            JOB_TASK, call.arguments(result.id), user=person, job_id=result.id, **options
        )
        submit_order(
            order,
            user=person,
            outbox=bool(self.options.get("OUTBOX")),
            using=self.options.get("USING"),
        )
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Return how a task stands. Raises TaskResultDoesNotExist, ApiAway, and
        SubmitRefused where the account may not ask."""
        if _ID.fullmatch(result_id) is None:
            raise TaskResultDoesNotExist(result_id)
        person_id = id_of(self._person().pk)
        try:
            record = ask(person_id, "GET", f"/jobs/{result_id}", as_of_now=False)
        except SubmitRefused as error:
            if not error.is_of_a_job_that_was:
                raise
            raise TaskResultDoesNotExist(result_id) from error
        if record["task"] != JOB_TASK or record["arguments"].get("backend") != self.alias:
            raise TaskResultDoesNotExist(result_id)
        arguments = record["arguments"]
        task = import_string(arguments["path"]).using(**_using(record))
        result = self._result(result_id, task, arguments["args"], arguments["kwargs"])
        self._fill(result, record, person_id)
        return result

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what OPTIONS lacks, and whether there is the account. A warning of the latter: an
        error would keep ``createsuperuser`` from making it."""
        del kwargs
        if not self.options.get("USERNAME"):
            yield checks.Error(
                f"TASKS[{self.alias!r}]: OPTIONS needs USERNAME, the account whose jobs its tasks "
                "are.",
                id="gatehouse.E101",
            )
            return
        try:
            self._person()
        except ImproperlyConfigured as error:
            yield checks.Warning(str(error), id="gatehouse.W102")
        except DatabaseError:  # it is away, or ``migrate`` makes its tables after this check
            return

    def _person(self) -> Any:
        manager: Any = get_user_model()._default_manager
        username = self.options["USERNAME"]
        try:
            return manager.get_by_natural_key(username)
        except ObjectDoesNotExist as error:
            raise ImproperlyConfigured(
                f"TASKS[{self.alias!r}]: OPTIONS USERNAME: there is no account {username!r}."
            ) from error

    def _result(self, id_: str, task: Any, args: Any, kwargs: Any) -> Any:
        return TaskResult(
            task=task,
            id=id_,
            status=TaskResultStatus.READY,
            enqueued_at=None,
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    def _fill(self, result: Any, record: Mapping[str, Any], person_id: str) -> None:
        """Set on a result what the job's record says."""
        attempt = int(record["attempt"])
        values = {
            "status": _STATUS[record["status"]],
            "enqueued_at": _moment(record["submitted_at"]),
            "started_at": _moment(record["started_at"]),
            "last_attempted_at": _moment(record["started_at"]),
            "finished_at": _moment(record["finished_at"]),
            "_return_value": record["result"],
            "worker_ids": [f"{record['executor']}-{each + 1}" for each in range(attempt)],
            "errors": _errors(record, person_id),
        }
        for name, value in values.items():
            object.__setattr__(result, name, value)


def _using(record: Mapping[str, Any]) -> dict[str, Any]:
    start_at = _moment(record["start_at"])
    return {} if start_at is None else {"run_after": start_at}


def _priority(priority: int) -> str:
    return "high" if priority > 0 else "low" if priority < 0 else "normal"


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _errors(record: Mapping[str, Any], person_id: str) -> list[Any]:
    """Return how attempts ended, the last one with its traceback if the task raised."""
    ended = [_error(each["error"]) for each in record["attempts"]]
    if record["status"] == "cancelled":
        return [*ended, _CANCELLED]
    if record["status"] == "failed" and any(each["name"] == ERROR_FILE for each in record["files"]):
        target = f"/jobs/{record['id']}/files/{ERROR_FILE}"
        raised = ask(person_id, "GET", target, as_of_now=False)
        if raised["attempt"] == record["attempt"]:
            ended[-1:] = [TaskError(exception_class_path=raised["class"], traceback=raised["text"])]
    return ended


def _error(error: Mapping[str, Any]) -> Any:
    name = str(error["type"])
    path = _ENGINES_OWN.get(name) or next(
        (f"builtins.{base}" for base in error.get("bases", ()) if "." not in base),
        "builtins.Exception",
    )
    return TaskError(exception_class_path=path, traceback=f"{name}: {error['message']}")
