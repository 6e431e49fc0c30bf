"""Jobs: what the author of tasks imports. The engine that runs them is ``flask_api.jobs.engine``.

from flask_api.jobs import InputFile, JobContext, TaskError, task

@task("text.repeat")
def repeat(text: str, times: int = 2) -> str:
    return text * times
"""

from flask_api.jobs.errors import InvalidArguments, JobCancelled, StopReason, TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task

__all__ = [
    "InputFile",
    "InvalidArguments",
    "JobCancelled",
    "JobContext",
    "StopReason",
    "TaskError",
    "task",
]
