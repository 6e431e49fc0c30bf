"""A task that not every worker can run."""

from flask_api.jobs.tasks.task import task


@task("gpu.draw", executor="processes", needs="gpu")
def draw() -> str:
    """Draw, on a machine that can."""
    return "drawn"
