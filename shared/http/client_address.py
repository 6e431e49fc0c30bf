"""From which address a request came, and from which network: one answer for both sides.

Behind a trusted proxy, the address is the last part of X-Forwarded-For, which that proxy
appended; everything before it is the client's own word. Some proxies write the port as well:
``203.0.113.7:51234`` and ``[2001:db8::1]:443`` (RFC 7239, 6). A socket for both kinds of addresses
calls an IPv4 client ``::ffff:203.0.113.7``:
that is 203.0.113.7, wherever addresses are counted, logged or shown.
"""

import ipaddress
from functools import lru_cache

_LONGEST = 64  # [IPv6 with IPv4 inside]:port has 53 characters
_IPV4_PREFIX = 24
_IPV6_PREFIX = 48  # what one customer is given at most (RFC 6177)


def client_address(*, peer: str, forwarded_for: str, trusted_proxy: bool) -> str:
    """Return the address in its usual form, without a port; "" when there is none (a Unix socket).

    ``peer`` is who connected. A forwarded value that isn't an address is ignored. Linear.
    """
    if trusted_proxy:
        forwarded = _address(forwarded_for.rpartition(",")[2].strip())
        if forwarded:
            return forwarded
    return _address(peer.strip())


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network that the address is in: its /24 (IPv4) or /48 (IPv6);
    "" when it is none."""
    ip = _parse(address)
    if ip is None:
        return ""
    prefix = _IPV4_PREFIX if ip.version == 4 else _IPV6_PREFIX
    return str(ipaddress.ip_network((ip, prefix), strict=False))


def customer_of(address: str) -> str:
    """Return what limits count by: the address or, of IPv6, its network,
    since one customer has 2**80 addresses."""
    address = _address(address)
    return network_of(address) if ":" in address else address


def _address(text: str) -> str:
    if len(text) > _LONGEST:
        return ""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    ip = _parse(host.partition("%")[0])
    return "" if ip is None else str(ip)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
