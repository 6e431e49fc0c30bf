"""One line in the security log, with the address it came from.

Nothing that a stranger typed is ever in a line: a name that isn't there may be a password in the
wrong field. People are named by their id,
what else was typed by the first 16 hex digits of its SHA-256.
"""

import logging
from typing import Any

from django_site.client_address import current_address
from shared.contract.entries import digest

security_log = logging.getLogger("gatehouse.security")


def note(event: str, *, is_warning: bool = False, **fields: Any) -> None:
    """Write ``event`` with ``fields`` and the address of the request that is being answered,
    if any."""
    level = logging.WARNING if is_warning else logging.INFO
    security_log.log(level, event, extra={**fields, "address": current_address()})


def typed(text: str) -> str:
    """Return what may stand in the log for a stranger's text."""
    return digest(text)[:16]
