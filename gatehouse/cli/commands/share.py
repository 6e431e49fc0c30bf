"""``share`` and ``shares``: show a job to others, see what is shared, and end it."""

import click

from gatehouse.cli.command import command, job_argument, json_option, open_client
from gatehouse.cli.output import put, put_json, put_table, say
from gatehouse.protocol.requests import Showable

_DAY_S = 86_400


@command("share")
@job_argument
@click.option(
    "--with",
    "people",
    metavar="NAME",
    multiple=True,
    help="Only with the person of this username. Repeat it for more.",
)
@click.option("--group", metavar="NAME", help="Only with the members of this group of the site.")
@click.option(
    "--show",
    "shows",
    type=click.Choice(["arguments", "files", "owner"]),
    multiple=True,
    help="Show this too. Repeat it for more.",
)
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="End it after so many days (7), 30 at most.",
)
@json_option
def share(
    job_id: str,
    people: tuple[str, ...],
    group: str | None,
    shows: tuple[Showable, ...],
    days: float | None,
    as_json: bool,
) -> None:
    """Share a job and print the address to give to others.

    It can't be shown again. With neither --with nor --group, all who are logged in and have it
    may look.
    """
    if people and group is not None:
        raise click.UsageError("give either --with or --group")
    with open_client() as client:
        made = client.job(job_id).share(
            people=people or None,
            group=group,
            shows=shows,
            expires_in_s=None if days is None else round(days * _DAY_S),
        )
    if as_json:
        put_json(made.raw)
    else:
        put(made.page)
    group_or_all = "all who are logged in and have it" if group is None else f"the group {group}"
    who = ", ".join(people) or group_or_all
    until = made.raw["expires_at"]
    say(f"For {who}, until {until}. End it with: gatehouse shares --end {made.id}")


@command("shares")
@click.option("--end", "ended", metavar="SHARE", multiple=True, help="End the share of this id.")
@json_option
def shares(ended: tuple[str, ...], as_json: bool) -> None:
    """List what you share, the latest first, or end some of it."""
    with open_client() as client:
        for each in ended:
            client.end_share(each)
        found = [] if ended else client.shares()
    if ended:
        say(f"Ended: {len(ended)}.")
    elif as_json:
        for record in found:
            put_json(record.raw)
    else:
        put_table(
            ("id", "job", "task", "with", "until"),
            (
                (
                    each.id,
                    each.job,
                    each.task,
                    each.group or ", ".join(each.people) or "link",
                    each.raw["expires_at"],
                )
                for each in found
            ),
        )
