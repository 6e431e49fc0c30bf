"""Which hosts are served: one decision for both sides, taken before either sees the request.

A client that may name any host in a request has its links, redirects and mails point there. The
rules are Django's own for ALLOWED_HOSTS; X-Forwarded-Host is trusted by neither side (Django's
default).
"""

from functools import lru_cache
from ipaddress import IPv6Address
from string import ascii_lowercase, digits

_NAME = frozenset(ascii_lowercase + digits + ".-")
_LONGEST = 300  # a name has 253 characters, its port 6


@lru_cache(maxsize=1024)
def is_served(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether ``host``, as a Host header has it, is one of ``allowed``.

    Those are names, ``.example.org`` for it and all below it, or ``*``. The port doesn't count.
    Linear; what is no host is never served.
    """
    name = _name_in(host.lower())
    return name is not None and any(_matches(name, pattern.lower()) for pattern in allowed)


def _name_in(host: str) -> str | None:
    """Return the host without its port and last dot, None for what is none."""
    if len(host) > _LONGEST:
        return None
    name, port = host, ""
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        name += bracket
    elif ":" in host:
        name, _, port = host.partition(":")
        port = f":{port}"
    if port and not (port.startswith(":") and port[1:].isascii() and port[1:].isdigit()):
        return None
    return name.removesuffix(".") if _is_ipv6(name) or (name and _NAME.issuperset(name)) else None


def _is_ipv6(name: str) -> bool:
    if not (name.startswith("[") and name.endswith("]")):
        return False
    try:
        return "%" not in name and bool(IPv6Address(name[1:-1]).compressed)
    except ValueError:
        return False


def is_pattern(text: str) -> bool:
    """Tell whether some Host header could match ``text``: ``*``, or a name as is_served compares
    it, also behind a dot."""
    name = text.lower().removeprefix(".")
    return text == "*" or (bool(name) and _name_in(name) == name)


def _matches(name: str, pattern: str) -> bool:
    return pattern in ("*", name) or (
        pattern.startswith(".") and (name.endswith(pattern) or name == pattern[1:])
    )
