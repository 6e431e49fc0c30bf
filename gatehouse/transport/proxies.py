"""The proxy for an address, from the environment:
HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case.

NO_PROXY is a list of hosts (``example.org`` and what is below it), addresses (``127.0.0.1``,
``::1``, ``[::1]``), ranges (``10.0.0.0/8``, ``fd00::/8``), each perhaps with a port behind it, or
``*``. Any other entry is ignored, as curl ignores it:
other programs have their own kinds. httpx's own reading fails on some of them.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from gatehouse.errors import BadProxy

_PORTS = {"http": 80, "https": 443}
_WITHOUT_MORE = ("http", "https")
_SOCKS = ("socks5", "socks5h")


def proxy_for(address: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the URL of the proxy for an address that was checked, None for no proxy.
    Raises BadProxy.

    ``environment``: the proxies by scheme, as ``urllib.request.getproxies`` gives them.
    """
    known = _of_this_machine() if environment is None else environment
    target = urlsplit(address)
    scheme = target.scheme if known.get(target.scheme) else "all"
    proxy = known.get(scheme, "").strip()
    if not proxy or any(
        _covers(entry.strip().lower(), target) for entry in known.get("no", "").split(",")
    ):
        return None
    return _checked(proxy if "://" in proxy else f"http://{proxy}", f"{scheme.upper()}_PROXY")


def _of_this_machine() -> Mapping[str, str]:
    from urllib.request import getproxies  # it takes longer than all the rest of a start

    return getproxies()


def _checked(proxy: str, variable: str) -> str:
    """Return a proxy's URL if it can be used. No message shows it: it may hold a password."""
    try:
        parts = urlsplit(proxy)
        is_readable = (
            bool(parts.hostname) and parts.port != 0 and not any(each.isspace() for each in proxy)
        )
    except ValueError:
        is_readable = False
    if not is_readable:
        raise BadProxy(
            f"{variable} can't be read: it must be http://host:port or https://host:port."
        )
    if parts.scheme in _SOCKS and find_spec("socksio") is None:
        raise BadProxy(
            f"{variable} names a SOCKS proxy: install the package socksio for it, or "
            "list the host in NO_PROXY."
        )
    if parts.scheme not in (*_WITHOUT_MORE, *_SOCKS):
        raise BadProxy(
            f"{variable} names a {parts.scheme[:20]!r} proxy: it must be http, https or, "
            "with socksio, socks5."
        )
    return proxy


def _covers(entry: str, target: SplitResult) -> bool:
    """Tell whether an entry of NO_PROXY is about an address;
    one that can't be read is about none."""
    if entry == "*":
        return True
    entry = entry.partition("://")[2] or entry
    host, port = _host_and_port(entry)
    if not host or (port and port != str(target.port or _PORTS.get(target.scheme))):
        return False
    name = (target.hostname or "").rstrip(".")
    try:
        network = ip_network(host, strict=False)
    except ValueError:
        below = host.lstrip("*").strip(".")
        return bool(below) and (name == below or name.endswith(f".{below}"))
    found = _address(name)
    return found is not None and found in network


def _host_and_port(entry: str) -> tuple[str, str]:
    """Cut a port off; the colons of an IPv6 address without brackets don't begin one."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        if rest.startswith("/"):
            return host + rest, ""
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(name)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
