"""``tasks``: what can be submitted, and with which arguments."""

import difflib
from typing import TYPE_CHECKING

import click

from gatehouse.cli.arguments import Parameters
from gatehouse.cli.command import command, json_option, open_client
from gatehouse.cli.commands.completion import complete_task
from gatehouse.cli.output import as_json as json_text
from gatehouse.cli.output import clean, put, put_json, put_table

if TYPE_CHECKING:
    from gatehouse import Client, TaskInfo


@command("tasks")
@click.argument("name", required=False, shell_complete=complete_task)
@json_option
def tasks(name: str | None, as_json: bool) -> None:
    """List the tasks, or one's parameters."""
    with open_client() as client:
        found = [find_task(client, name)] if name is not None else client.tasks()
    if as_json:
        for task in found:
            put_json(task.raw)
    elif name is not None:
        _show(found[0])
    else:
        put_table(("task", "summary"), ((task.name, task.summary) for task in found))


def find_task(client: "Client", name: str) -> "TaskInfo":
    """Return the task of this name. Raises click.ClickException that says what may have been
    meant."""
    found = {task.name: task for task in client.tasks()}
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise click.ClickException(f"There is no task {name!r}{hint} (see gatehouse tasks)")
    return found[name]


def _show(task: "TaskInfo") -> None:
    parameters = Parameters(task.arguments_schema)
    put(clean(f"{task.name}: {task.summary}"))
    rows = []
    for name, schema in parameters.schemas.items():
        default = parameters.need(name) or json_text(schema.get("default"))
        rows.append((name, parameters.describe(schema), default, parameters.explain(schema)))
    put_table(("parameter", "accepted", "default", ""), rows)
