"""How a batch looks as JSON: the shapes of its answers, and what fills them."""

from typing import Annotated, Any

from flask import url_for
from pydantic import AwareDatetime, BaseModel, Field

from flask_api.http.job_json import JobErrorJson, ListedJob, error_json
from flask_api.jobs.batches import Batch
from flask_api.jobs.records.job import Job, JobStatus, format_time
from flask_api.operation.shapes import Id, PageLinksJson, Path


class BatchCounts(BaseModel):
    """How many of a batch's jobs are in which state."""

    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class BatchProgress(BaseModel):
    """How many of a batch's jobs have ended."""

    done: int
    total: int


class BatchRecordJson(BaseModel):
    """Many jobs of one task, submitted together."""

    id: Id
    task: str
    total: int
    counts: BatchCounts
    progress: BatchProgress
    submitted_at: AwareDatetime
    finished_at: AwareDatetime | None
    expires_at: Annotated[
        AwareDatetime | None, Field(description="when its results are forgotten, once it has ended")
    ]
    links: dict[str, Path]


class BatchPage(BaseModel):
    """One page of a listing, newest first; `next_cursor` is null on the last one."""

    batches: list[BatchRecordJson]
    next_cursor: Id | None
    links: PageLinksJson | None = None
    under_way: list[BatchRecordJson] | None = None


class BatchJobs(BaseModel):
    """A page of a batch's jobs in the order of submission; `next_after` is null on the last one."""

    jobs: list[ListedJob]
    next_after: int | None


class BatchResult(BaseModel):
    """How one job of a batch ended; ``position`` is its place in the submitted list."""

    position: int
    id: Id
    status: JobStatus
    result: Any
    error: JobErrorJson | None


def batch_json(batch: Batch) -> dict[str, Any]:
    """Return a batch as the API shows it."""
    return {
        "id": batch.id,
        "task": batch.task,
        "total": batch.total,
        "counts": batch.counts,
        "progress": {"done": batch.done, "total": batch.total},
        "submitted_at": format_time(batch.submitted_at),
        "finished_at": None if batch.finished_at is None else format_time(batch.finished_at),
        "expires_at": None if batch.expires_at is None else format_time(batch.expires_at),
        "links": {
            "self": url_for("batches.show", batch_id=batch.id),
            "jobs": url_for("batches.list_batch_jobs", batch_id=batch.id),
            "results": url_for("batches.results", batch_id=batch.id),
            "events": url_for("events.of_batch", batch_id=batch.id),
            "cancel": url_for("batches.cancel", batch_id=batch.id),
        },
    }


def result_json(job: Job) -> dict[str, Any]:
    """Return how one job of a batch ended, as a line of its results."""
    return {
        "position": job.position,
        "id": job.id,
        "status": job.status,
        "result": job.result,
        "error": error_json(job.error, staff=False),
    }
