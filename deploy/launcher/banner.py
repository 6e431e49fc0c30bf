"""What a newcomer reads when the service is up:
where it is, who can log in, and three lines that try it."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.http.hosts import is_served
from shared.settings import ContractSettings

_JOB = '{"task":"primes.sum","arguments":{"limit":100000}}'


def curl_lines(
    address: str, *, api_prefix: str, login_url: str, password: str, has_primes: bool = True
) -> list[str]:
    """Return three shell lines for any POSIX shell: they log in as demo and run a job,
    or ask who that is where the task isn't among those served.

    The cookies go to a file that mktemp makes, private to the person who pastes;
    ``$jar`` holds its name.
    """
    login = shlex.quote(f"{address}{login_url}" if login_url.startswith("/") else login_url)
    ask = (
        f"-H 'Content-Type: application/json' -d {shlex.quote(_JOB)} "
        + shlex.quote(f"{address}{api_prefix}/jobs?wait=10")
        if has_primes
        else shlex.quote(f"{address}{api_prefix}/me")
    )
    return [
        f'jar=$(mktemp); curl -sc "$jar" -o /dev/null {login}',
        'curl -sb "$jar" -c "$jar" -o /dev/null -w "log-in: %{http_code}\\n" -d login=demo'
        f" --data-urlencode password={shlex.quote(password)}"
        f' --data-urlencode csrfmiddlewaretoken="$(awk \'/csrftoken/{{print $7}}\' "$jar")" '
        f"{login}",
        f'curl -sb "$jar" {ask}',
    ]


def banner_notes(address: str, settings: ContractSettings) -> list[str]:
    """Return a line for each reason why a browser gets no further at this address."""
    notes = []
    if not is_served(address.partition("://")[2], settings.allowed_hosts):
        notes.append(
            "It answers only to the hosts that GATEHOUSE_ALLOWED_HOSTS lists, and this address is "
            f"none of them: {', '.join(settings.allowed_hosts)}"
        )
    if settings.production:
        notes.append(
            "GATEHOUSE_PRODUCTION is true: log-ins need HTTPS. Put a TLS proxy in front "
            "(docs/deploy.md) and open its address"
            + ("" if settings.trusted_proxy else ", and set GATEHOUSE_TRUSTED_PROXY=true for it")
        )
    return notes


def banner(
    address: str,
    *,
    api_prefix: str,
    login_url: str,
    password: str | None,
    log_file: str,
    notes: Sequence[str] = (),
    has_primes: bool = True,
) -> str:
    """Return the text to print; without a password when the demo person has none on file."""
    parts = [f"Gatehouse is at {address}", *notes]
    if password:
        lines = curl_lines(
            address,
            api_prefix=api_prefix,
            login_url=login_url,
            password=password,
            has_primes=has_primes,
        )
        then = "add up the primes below 100,000" if has_primes else "ask the API who you are"
        parts += [
            f"Log in as demo with the password {password}",
            "",
            f"Or paste these three lines into another terminal: they log in and {then}.",
            *lines,
            "",
        ]
    command = Path(sys.executable).with_name("gatehouse")
    if command.exists():
        parts.append(f"For scripts and shells: {_as_typed(command)} login {address}")
    parts.append(f"Ctrl-C stops it; data stays. The log is {log_file}")
    return "\n".join(parts)


def _as_typed(command: Path) -> str:
    """Return a program's path as it is shortest to type from this folder."""
    near = os.path.relpath(command)
    return shlex.quote(str(command) if near.startswith(os.pardir) else near)
