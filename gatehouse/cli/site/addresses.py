"""The service's address as a person types it, and those where its pages lead."""

import re
from urllib.parse import urljoin, urlsplit

import click

from gatehouse.config import check_address

_MOUNT = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*", re.ASCII)


def service_address(address: str) -> str:
    """Return ``https://host[:port]`` of what a person typed,
    with the path where the service is mounted.

    Without a scheme HTTPS is meant, except on this machine.
    Raises ConfigurationError, or click.UsageError.
    """
    words = address.strip()
    if "://" not in words:
        words = f"{'http' if is_this_machine(f'//{words}') else 'https'}://{words}"
    checked = check_address(words)
    if not _MOUNT.fullmatch(urlsplit(checked).path) or not checked.isprintable():
        raise click.UsageError(
            f"{address!r} isn't a service's address; it must look like https://jobs.example.org"
        )
    return checked


def is_this_machine(address: str) -> bool:
    """Tell whether requests to an address stay on this machine."""
    try:
        return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False


def joined(base: str, where: str) -> str:
    """Return where a page's link leads; empty for one that no browser could follow."""
    try:
        return urljoin(base, where)
    except ValueError:
        return ""
