"""From which address a request came, for its person to see on the page of sessions. A note, never a decision."""

from collections.abc import Mapping
from typing import Any

_MAX_LENGTH = 45  # the longest IPv6 address


def client_address(meta: Mapping[str, Any], *, trusted_proxy: bool) -> str:
    """Return the client's address: who connected or, behind a proxy of ours, who that proxy says did.

    A proxy appends to X-Forwarded-For, so only its last part is the proxy's word; the rest is the client's own.
    """
    forwarded = str(meta.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() if trusted_proxy else ""
    return (forwarded or str(meta.get("REMOTE_ADDR", "")))[:_MAX_LENGTH]
