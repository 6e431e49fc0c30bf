"""Which address the page of sessions shows."""

import pytest

from django_site.client_address import address_in
from shared.http.client_address import network_of


@pytest.mark.parametrize(
    ("meta", "trusted_proxy", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.1"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, True, "203.0.113.9"),
        (
            {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.9"},
            True,
            "203.0.113.9",
        ),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": " "}, True, "10.0.0.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "x" * 100}, True, "10.0.0.1"),
        (
            {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9:51234"},
            True,
            "203.0.113.9",
        ),
        (
            {
                "REMOTE_ADDR": "::1",
                "HTTP_X_FORWARDED_FOR": "[2001:0db8:0000:0000:0000:0000:0000:0001]:51234",
            },
            True,
            "2001:db8::1",
        ),
        (
            {"REMOTE_ADDR": "2001:0db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},
            False,
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
        ),
        ({"REMOTE_ADDR": "::ffff:192.0.2.1"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "fe80::1%eth0"}, False, "fe80::1"),
        ({"REMOTE_ADDR": ""}, False, ""),
        ({}, True, ""),
    ],
)
def test_address_is_the_clients_and_a_proxy_is_believed_only_when_trusted(
    meta: dict[str, str], trusted_proxy: bool, address: str
) -> None:
    """Without a proxy of ours X-Forwarded-For is whatever the client says;
    with one, its last part is the proxy's word."""
    assert address_in(meta, trusted_proxy=trusted_proxy) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("", ""),
        ("no address", ""),
    ],
)
def test_network_of_an_address_is_what_one_customer_is_given(address: str, network: str) -> None:
    """Neighbours in a /24 or a /48 count as one network."""
    assert network_of(address) == network
