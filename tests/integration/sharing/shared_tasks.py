"""Tasks whose jobs are shared."""

import tempfile
import time
from pathlib import Path

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from tests.integration.tables.row_tasks import keep as keep_rows

PATIENCE_S = 60.0
__all__ = ["keep_rows"]


@task("shared.all", ttl_s=3600)
def make_all(secret: str = "none", *, job: JobContext) -> dict[str, str]:
    """Say something in every way, and repeat nothing of the argument."""
    job.progress(1, total=2, message="half way")
    job.log("a line")
    job.save_file("notes.txt", b"a note")
    return {"made": "a result", "length": str(len(secret))}


@task("shared.go_on")
def go_on(path: str, *, job: JobContext) -> str:
    """Wait for files in a folder: tell of each, end at ``end``."""
    folder, told, until = Path(path), set[str](), time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for name in sorted({each.name for each in folder.iterdir()} - told):
            told.add(name)
            if name == "end":
                return "ended"
            if name.startswith("file"):
                job.save_file(name, b"x")
            job.progress(len(told), total=10, message=name)
            job.log(f"line {name}")
        job.checkpoint()
        time.sleep(0.01)
    raise TimeoutError(tempfile.gettempdir())
