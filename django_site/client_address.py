"""From which address a Django request came: for its person to see, for rate limits and for logs."""

from collections.abc import Mapping
from typing import Any

from allauth.core import context
from django.http import HttpRequest

from django_site.contract import contract_settings
from shared.http import client_address as shared_address


def client_address(request: HttpRequest) -> str:
    """Return the client's address, without a port; "" when there is none.
    A proxy is trusted as the settings say."""
    return address_in(request.META, trusted_proxy=contract_settings().trusted_proxy)


def current_address() -> str:
    """Return the client's address of the request that is being answered; "" outside of one."""
    return "" if context.request is None else client_address(context.request)


def address_in(meta: Mapping[str, Any], *, trusted_proxy: bool) -> str:
    """Return the client's address from a request's WSGI environment."""
    return shared_address.client_address(
        peer=str(meta.get("REMOTE_ADDR", "")),
        forwarded_for=str(meta.get("HTTP_X_FORWARDED_FOR", "")),
        trusted_proxy=trusted_proxy,
    )
