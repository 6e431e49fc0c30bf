"""From which address a Django request came: for its person to see, for rate limits and for logs."""

from collections.abc import Mapping
from typing import Any

from shared.client_address import client_address as address_of


def client_address(meta: Mapping[str, Any], *, trusted_proxy: bool) -> str:
    """Return the client's address, without a port; "" when there is none."""
    return address_of(
        peer=str(meta.get("REMOTE_ADDR", "")),
        forwarded_for=str(meta.get("HTTP_X_FORWARDED_FOR", "")),
        trusted_proxy=trusted_proxy,
    )
