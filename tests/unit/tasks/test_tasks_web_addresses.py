"""Which addresses are public, and which a task may connect to."""

import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.tasks.web.fetching.addresses import is_permitted, is_public
from flask_api.tasks.web.fetching.network import is_own_address

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
]
REFUSED = [
    *(
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
    ),
    *(
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
    ),
    *(
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
    ),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1"),
    *(
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
    ),
    *(
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
    ),
    *(
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
    ),
    *("fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_address_of_a_public_host_is_public(address: str) -> None:
    """The web is reachable."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", REFUSED)
def test_address_that_leads_elsewhere_is_not_public(address: str) -> None:
    """Loopback, link-local, private, reserved, documentation, multicast, metadata,
    and IPv4 in every IPv6 dress."""
    assert not is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_ipv4_dressed_as_ipv6_is_never_public(address: object) -> None:
    """No IPv4 address gets in by one of its IPv6 forms, whichever it is."""
    number = int(ip_address(str(address)))
    forms = [
        number,
        number | 0xFFFF << 32,
        number | 0xFFFF << 48,
        number | 0x64FF9B << 96,
        (0x2002 << 32 | number) << 80,
    ]
    assert not any(is_public(ip_address(form.to_bytes(16, "big"))) for form in forms)


@pytest.mark.parametrize(
    ("address", "network", "permitted"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.2.3", "10.1.0.0/16", False),
        ("::ffff:10.1.2.3", "10.1.0.0/16", True),
        ("::ffff:10.2.2.3", "10.1.0.0/16", False),
        ("::10.1.2.3", "10.1.0.0/16", False),
        ("fd00::7", "fd00::/64", True),
        ("fd01::7", "fd00::/64", False),
    ],
)
def test_private_address_is_permitted_in_an_allowed_network_only(
    address: str, network: str, permitted: bool
) -> None:
    """A setting opens what it names; an IPv4 address written as IPv6 counts as the IPv4 one."""
    assert (
        is_permitted(
            ip_address(address),
            port=5432,
            allowed_networks=[ip_network(network)],
            is_own=lambda _: False,
        )
        is permitted
    )


@pytest.mark.parametrize(
    ("port", "permitted"),
    [(80, True), (443, True), (8443, True), (1024, True), (22, False), (25, False)],
)
def test_port_on_a_public_address_is_one_for_web_pages(port: int, permitted: bool) -> None:
    """Mail servers and remote shells are not fetched from."""
    assert (
        is_permitted(ip_address("8.8.8.8"), port=port, allowed_networks=(), is_own=lambda _: False)
        is permitted
    )


def test_public_address_of_this_machine_is_as_private_as_loopback() -> None:
    """What listens there may trust whoever comes from here;
    the operator may allow it, as any network."""
    address = ip_address("8.8.8.8")
    assert not is_permitted(
        address, port=443, allowed_networks=(), is_own=lambda each: each == address
    )
    assert is_permitted(
        address,
        port=443,
        allowed_networks=[ip_network("8.8.8.8/32")],
        is_own=lambda each: each == address,
    )


@pytest.mark.parametrize(
    ("address", "own"), [("127.0.0.1", True), ("192.0.2.1", False), ("2001:db8::1", False)]
)
def test_own_addresses_are_told_from_others(address: str, own: bool) -> None:
    """By the system itself, without a packet."""
    assert is_own_address(ip_address(address)) is own


def test_address_of_a_kind_that_this_system_lacks_is_not_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where IPv6 is off the kernel refuses the socket itself (EAFNOSUPPORT):
    here one for a kind that no system has."""
    monkeypatch.setattr("flask_api.tasks.web.fetching.network.AF_INET6", 255)
    with pytest.raises(OSError, match="not supported"):
        socket.socket(255, socket.SOCK_DGRAM)
    assert not is_own_address(ip_address("2606:4700:4700::1111"))
