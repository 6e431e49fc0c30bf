"""Do the same to many jobs, one after the other: what can't be done to one stops no other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Job
from shared.errors import JobError

MOST_AT_ONCE = 100


class Act(StrEnum):
    """What operators do to jobs."""

    CANCEL = "cancel"
    REQUEUE = "requeue"
    DELETE = "delete"


class ActAnswer(NamedTuple):
    """What came of one: ``refused`` says why not, with the code of its error; "" when it is
    done."""

    job_id: str
    code: str = ""
    refused: str = ""

    @property
    def outcome(self) -> str:
        """In the words of the record."""
        return f"refused: {self.refused}" if self.refused else "done"


def act_on(engine: JobEngine, act: Act, jobs: Sequence[Job]) -> Iterator[ActAnswer]:
    """Do it to each; yield what came of each. Raises JobStoreUnavailable: what was yielded before
    that is done."""
    do: Mapping[Act, Callable[[Job], None]] = {
        Act.CANCEL: engine.cancel,
        Act.REQUEUE: engine.retry,
        Act.DELETE: engine.delete,
    }
    for job in jobs:
        yield _try(do[act], job)


def _try(do: Callable[[Job], None], job: Job) -> ActAnswer:
    try:
        do(job)
    except JobError as error:
        return ActAnswer(job.id, error.code, error.message)
    return ActAnswer(job.id)
