"""``delete`` and ``usage``: what a person keeps on the service, and deleting it."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import click

from gatehouse.cli.command import LONG_PATIENCE_S, command, json_option, open_client
from gatehouse.cli.output import put_json, put_table, say
from gatehouse.errors import Conflict, NotFound

if TYPE_CHECKING:
    from gatehouse import Client
    from gatehouse.handles import Batch, Job


@command("delete")
@click.argument("ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option(
    "--ended",
    "wants_ended",
    is_flag=True,
    help="Delete all of your jobs and batches that have ended.",
)
@json_option
def delete(ids: tuple[object, ...], wants_ended: bool, as_json: bool) -> None:
    """Delete ended jobs and batches, and all that they kept.

    Each ID is that of a job or of a batch. Cancel unfinished ones first;
    a job of a batch goes with its batch.
    """
    if bool(ids) == wants_ended:
        raise click.UsageError("give either IDs or --ended")
    with open_client(patience_s=LONG_PATIENCE_S) as client:
        gone = _delete_ended(client) if wants_ended else _delete_named(client, map(str, ids))
        count = 0
        for each in gone:
            count += 1
            if as_json:
                put_json({"deleted": each})
    say(f"Deleted: {count}.")


@command("usage")
@json_option
def usage(as_json: bool) -> None:
    """Show how much you keep, and how much you may."""
    with open_client() as client:
        kept = client.usage()
    if as_json:
        put_json(kept.raw)
        return
    put_table(
        ("kind", "used", "limit"),
        ((kind, used, limit) for kind, (used, limit) in kept.kinds.items()),
    )


def _delete_named(client: "Client", ids: Iterable[str]) -> Iterator[str]:
    for each in ids:
        try:
            client.delete(each)
        except NotFound:
            client.delete_batch(each)
        yield each


def _delete_ended(client: "Client") -> Iterator[str]:
    """Delete what has ended; what went meanwhile, or is queued again, is passed over."""
    ended: Iterator[Job | Batch] = (batch for batch in client.batches() if batch.record.has_ended)
    for each in chain(client.jobs(status="ended"), ended):
        try:
            each.delete()
        except (Conflict, NotFound):
            continue
        yield each.id
