"""A task of another version: it has other arguments than where the API runs."""

from flask_api.jobs.tasks.task import task


@task("child.echo", executor="processes")
def echo(words: list[str]) -> list[str]:
    """Return words."""
    return words
