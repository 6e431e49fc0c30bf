"""``login``, ``logout``, ``whoami``: the person that this machine acts as."""

import socket
import sys

import click

from gatehouse import config
from gatehouse.cli.command import WholeNumber, command, json_option, open_client
from gatehouse.cli.exit_codes import CommandFailed
from gatehouse.cli.output import clean, put, put_json, say
from gatehouse.cli.prompts import Prompts
from gatehouse.cli.site.addresses import is_this_machine, service_address
from gatehouse.cli.site.keys import KEYS_PATH, end_key
from gatehouse.cli.site.session import SiteSession
from gatehouse.errors import ConfigurationError, GatehouseError

SCOPES = ["jobs:read", "jobs:submit", "jobs:cancel"]
_NAME_MAX_LENGTH = 100


@command("login")
@click.argument("address")
@click.option("--username", metavar="NAME", help="Username or e-mail; asked for when left out.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from stdin; the second factor's code is its second line.",
)
@click.option(
    "--key",
    "with_key",
    is_flag=True,
    help="Use an API key made on the site: asked for, or read from stdin.",
)
@click.option("--name", metavar="NAME", help="The new key's name; by default after this machine.")
@click.option(
    "--days",
    type=WholeNumber(),
    metavar="N",
    help="For how many days the new key is valid.",
)
@json_option
def login(
    address: str,
    username: str | None,
    password_stdin: bool,
    with_key: bool,
    name: str | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Log in at ADDRESS and keep a key for this machine.

    Logs in through the site's own page, second factor included, makes an API key and logs out
    again. Only the key is kept, in a file that nobody else may read.
    Secrets are never taken from the command line: others could read them there.
    """
    if with_key and (password_stdin or {username, name, days} != {None}):
        raise click.UsageError(
            "--key takes a key that exists: leave out --username, "
            "--password-stdin, --name and --days"
        )
    address = service_address(address)
    before = _find_saved()
    saved = (
        _use_key(address) if with_key else _make_key(address, username, password_stdin, name, days)
    )
    if before and before.key_id and before.key != saved.key:
        # else each log-in would leave a key behind; it expires if this can't be done
        end_key(before.address, before.key)
    if as_json:
        put_json(
            {
                "address": saved.address,
                "username": saved.username,
                "key_id": saved.key_id,
                "key_name": saved.key_name,
            }
        )
    say(f"Logged in at {saved.address} as {saved.username}. The key is kept in {config.path()}.")


@command("logout")
@json_option
def logout(as_json: bool) -> None:
    """Revoke the key that login made, and forget it."""
    saved = _find_saved()
    was_there = config.forget()
    reason = end_key(saved.address, saved.key) if saved and saved.key_id else "it was not made here"
    if as_json:
        put_json({"logged_out": was_there, "revoked": not reason})
    if not was_there:
        say("Nobody is logged in here.")
    elif saved is None:
        say(
            f"What was saved could not be read; it is deleted. Your keys are at ADDRESS{KEYS_PATH}."
        )
    elif reason:
        say(f"Forgotten. The key still works ({reason}): revoke it at {saved.address}{KEYS_PATH}.")
    else:
        say(f"Logged out of {saved.address}; the key is revoked.")


@command("whoami")
@json_option
def whoami(as_json: bool) -> None:
    """Show the person that the key acts as."""
    access = config.find_access()
    with open_client() as client:
        me = client.me()
    if as_json:
        put_json(me.raw)
        return
    credential = me.raw.get("credential", {})
    scopes = " ".join(credential.get("scopes", [])) or "none"
    put(clean(f"{me.username} at {access.address}"))
    say(f"key: {credential.get('name')}, scopes: {scopes}")


def _make_key(
    address: str, username: str | None, password_stdin: bool, name: str | None, days: int | None
) -> config.SavedLogin:
    prompts = Prompts(from_stdin=password_stdin)
    with SiteSession(address) as site:
        site.find_login_page()
        _warn_of_plain_http(address)
        if username is None:
            prompt = Prompts(from_stdin=False, instead="--username")
            username = prompt.ask("Username or e-mail", is_secret=False)
        site.log_in(
            username,
            prompts.ask("Password"),
            ask_code=lambda: prompts.find("Code of your second factor"),
        )
        name = _machine() if name is None else name
        made = site.keys.create(name, scopes=SCOPES, days=days)
        try:
            saved = _checked(address, made["key"], key_id=made["id"])
            config.save(saved)
        except BaseException:
            _revoke_unkept(site, made["id"])
            raise
    return saved


def _revoke_unkept(site: SiteSession, key_id: str) -> None:
    """Revoke a key that nobody will ever have. The command ends with the reason why it could not be
    kept, whatever becomes of this."""
    try:
        site.keys.revoke(key_id)
    except (CommandFailed, GatehouseError):
        where = f"{site.address}{KEYS_PATH}"
        say(f"The new key {key_id} could not be kept and may still work: revoke it at {where}.")


def _use_key(address: str) -> config.SavedLogin:
    from_stdin = not sys.stdin.isatty()
    key = config.check_key(Prompts(from_stdin=from_stdin).ask("API key"))
    saved = _checked(address, key, key_id="")
    config.save(saved)
    return saved


def _checked(address: str, key: str, *, key_id: str) -> config.SavedLogin:
    """Ask the service whom the key acts as, so that what is saved works."""
    from gatehouse import Client

    with Client(address, key) as client:
        me = client.me()
    name = str(me.raw.get("credential", {}).get("name", ""))
    return config.SavedLogin(
        address=address, key=key, key_id=key_id, key_name=name, username=me.username
    )


def _find_saved() -> config.SavedLogin | None:
    """Return what is saved; None for what can't be read,
    which the command is about to replace or delete."""
    try:
        return config.load_saved()
    except ConfigurationError:
        return None


def _warn_of_plain_http(address: str) -> None:
    if address.startswith("http://") and not is_this_machine(address):
        say(f"Careful: {address} is not encrypted; others on the way can read the password.")


def _machine() -> str:
    name = "".join(each for each in socket.gethostname() if each.isprintable())
    return f"gatehouse on {name}"[:_NAME_MAX_LENGTH]
