"""Which address the page of sessions shows."""

import pytest

from django_site.sessions.address import client_address


@pytest.mark.parametrize(
    ("meta", "trusted_proxy", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.1"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, True, "203.0.113.9"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.9"}, True, "203.0.113.9"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": " "}, True, "10.0.0.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "x" * 100}, True, "x" * 45),
        ({}, True, ""),
    ],
)
def test_address_is_the_clients_and_a_proxy_is_believed_only_when_trusted(
    meta: dict[str, str], trusted_proxy: bool, address: str
) -> None:
    """Without a proxy of ours X-Forwarded-For is whatever the client says; with one, its last part is the proxy's word."""
    assert client_address(meta, trusted_proxy=trusted_proxy) == address
