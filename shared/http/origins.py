"""Origins whose pages may send forms and requests with a person's cookie,
as Django's CSRF_TRUSTED_ORIGINS names them.

https://app.example.org      this origin
https://*.example.org        every host below it, and itself
https://app.example.org:8443 a port that is not the scheme's own is a part of the origin
"""

from collections.abc import Iterable

_NEVER_IN_A_HOST = frozenset("/?#@\\ ")


class TrustedOrigins:
    """A list of origins, matched as Django matches it. Immutable;
    no I/O, linear in the length of what it is asked."""

    def __init__(self, patterns: Iterable[str]) -> None:
        found = [pattern.lower() for pattern in patterns]
        self._exact = frozenset(pattern for pattern in found if "*" not in pattern)
        self._below = [tuple(pattern.split("://*", 1)) for pattern in found if "://*." in pattern]

    def accepts(self, origin: str) -> bool:
        """Tell whether ``origin``, an Origin header's value, is on the list; "null" never is."""
        if origin in self._exact:
            return True
        scheme, _, host = origin.partition("://")
        if not host or set(host) & _NEVER_IN_A_HOST:
            return False
        return any(
            scheme == of and (host.endswith(end) or host == end[1:]) for of, end in self._below
        )
