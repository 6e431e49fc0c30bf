"""Which addresses a task may fetch from: public ones, and the networks that the operator allows.

The check is on the address that is about to be connected to, after the name was resolved, so no
spelling of a host gets around it: 2130706433, 0177.0.0.1, 127.1 and localhost all end here as
127.0.0.1. Source: OWASP ASVS 5.0, 1.3.6; IANA IPv4 and IPv6 Special-Purpose Address Registries.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What IANA gave out for hosts. Not in it: loopback, link-local, private, multicast, and IPv4
# written as IPv6 (::ffff:0:0/96 mapped, ::/96 compatible, ::ffff:0:0:0/96 translated, 64:ff9b::/96
# NAT64).
_GLOBAL_UNICAST = IPv6Network("2000::/3")

_NEVER: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's host agent: a public address that leads inside
        "192.0.0.0/24",  # protocol assignments; Oracle Cloud's metadata is in it
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation; newer than what the ipaddress module of Python 3.11 knows
    )
)

_FIRST_USER_PORT = 1024
_WEB_PORTS = frozenset({80, 443})


def is_public(address: Address) -> bool:
    """Tell whether the address is one of the public internet's, for hosts; false in any doubt."""
    if isinstance(address, IPv6Address) and (
        address.scope_id is not None or address not in _GLOBAL_UNICAST
    ):
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not _is_in(address, _NEVER)


def is_permitted(
    address: Address,
    *,
    port: int,
    allowed_networks: Iterable[Network],
    is_own: Callable[[Address], bool],
) -> bool:
    """Tell whether a task may connect there.

    A public address that is this machine's own (``is_own``) is as private as loopback: others there
    trust it. In an allowed network any port will do; an IPv4 address written as IPv6
    (::ffff:10.1.2.3) counts as the IPv4 one. On public addresses the ports are 80,
    443 and from 1024 on: the others are mail, remote shells and the like.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if _is_in(mapped or address, allowed_networks):
        return True
    return (
        is_public(address)
        and (port in _WEB_PORTS or port >= _FIRST_USER_PORT)
        and not is_own(address)
    )


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)  # another IP version is never in
