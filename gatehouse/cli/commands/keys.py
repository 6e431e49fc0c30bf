"""``keys``: list, make and revoke API keys. A key can't do that, so each asks for the password."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from gatehouse import config
from gatehouse.cli.command import CliGroup, FunctionT, WholeNumber, json_option
from gatehouse.cli.commands.login import SCOPES
from gatehouse.cli.output import put, put_json, put_table, say
from gatehouse.cli.prompts import Prompts
from gatehouse.cli.site.session import SiteSession
from gatehouse.errors import ConfigurationError


def _person_options(function: FunctionT) -> FunctionT:
    at = click.option(
        "--at", metavar="ADDRESS", help="The service; by default where you are logged in."
    )
    username = click.option(
        "--username", metavar="NAME", help="Username or e-mail; by default the one who logged in."
    )
    password = click.option(
        "--password-stdin",
        is_flag=True,
        help="Read the password (and the code, a line each) from stdin.",
    )
    return at(username(password(json_option(function))))


@click.group("keys", cls=CliGroup)
def keys() -> None:
    """List, make and revoke API keys; asks for the password.

    An API key opens nothing here: the finder of one must not be able to make more of them.
    """


@keys.command("list")
@_person_options
def list_keys(at: str | None, username: str | None, password_stdin: bool, as_json: bool) -> None:
    """List the live keys."""
    with _logged_in(at, username, password_stdin) as site:
        found = site.keys.find_all()
    if as_json:
        for key in found:
            put_json(key)
        return
    header = ("id", "name", "scopes", "expires", "last used")
    put_table(
        header,
        (
            (k["id"], k["name"], " ".join(k["scopes"]), k["expires_at"], k["last_used_at"] or "")
            for k in found
        ),
    )


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="What the key may do, repeatable; by default everything with jobs.",
)
@click.option("--days", type=WholeNumber(), metavar="N", help="For how many days the key is valid.")
@_person_options
def create_key(
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    at: str | None,
    username: str | None,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Make a key called NAME and print it: it is shown this once."""
    with _logged_in(at, username, password_stdin) as site:
        made = site.keys.create(name, scopes=list(scopes) or SCOPES, days=days)
        if as_json:  # before the log-out, which may take long: nobody can ask for the key again
            put_json(made)
        else:
            put(made["key"])
            say(f"The key {made['id']} is valid until {made['expires_at']}. It is not shown again.")


@keys.command("revoke")
@click.argument("key_id", metavar="ID", type=WholeNumber())
@_person_options
def revoke_key(
    key_id: int, at: str | None, username: str | None, password_stdin: bool, as_json: bool
) -> None:
    """Revoke the key with this ID.

    Whatever uses it is refused from then on.
    """
    with _logged_in(at, username, password_stdin) as site:
        site.keys.revoke(str(key_id))
    if as_json:
        put_json({"id": str(key_id), "revoked": True})
    say(f"The key {key_id} is revoked.")


@contextmanager
def _logged_in(at: str | None, username: str | None, password_stdin: bool) -> Iterator[SiteSession]:
    saved = None
    if at is None or username is None:
        saved = config.load_saved()
    address = saved.address if at is None and saved else at
    if address is None:
        raise ConfigurationError(
            "No service is known: run 'gatehouse login ADDRESS', or say --at ADDRESS."
        )
    prompts = Prompts(from_stdin=password_stdin)
    if username is None and saved:
        username = saved.username
    with SiteSession(address) as site:
        site.find_login_page()
        if username is None:
            prompt = Prompts(from_stdin=False, instead="--username")
            username = prompt.ask("Username or e-mail", is_secret=False)
        site.log_in(
            username,
            prompts.ask(f"Password of {username}"),
            ask_code=lambda: prompts.find("Code of your second factor"),
        )
        yield site
