"""Tasks that keep rows, for tests of how rows are read."""

import tempfile
from pathlib import Path

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.tables.database import TableDatabase, literal


@task("rows.keep", ttl_s=3600)
def keep(
    sql: str = "SELECT i AS number, 'word ' || i AS word FROM range(250) each(i)",
    *,
    job: JobContext,
) -> None:
    """Keep the rows of a query."""
    _keep(sql, job)


@task("rows.brief", ttl_s=2)
def brief(*, job: JobContext) -> None:
    """Keep rows that expire at once."""
    _keep("SELECT 1 AS number", job)


@task("rows.none")
def none() -> str:
    """Keep no rows."""
    return "done"


@task("rows.fail", max_attempts=1)
def fail(*, job: JobContext) -> None:
    """Keep rows, then fail."""
    _keep("SELECT 1 AS number", job)
    raise TaskError("Something is wrong.")


def _keep(sql: str, job: JobContext) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        TableDatabase(folder=Path(name), memory_mb=128, threads=1) as database,
    ):
        target = Path(name) / "rows.parquet"
        database.run(f"COPY ({sql}) TO {literal(target)} (FORMAT parquet)")
        job.save_file("rows.parquet", target)
