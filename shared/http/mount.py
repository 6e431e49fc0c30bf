"""Where the whole is mounted, and so how every address that leaves it begins:
one place for both sides.

    /tools        the mount: SCRIPT_NAME as somebody's WSGI server hands it to us, "" at the root
    /tools/api    SCRIPT_NAME within the API, to which the dispatcher added its part
    /a            X-Forwarded-Prefix of a trusted proxy: what it cut off;
                  it stands before SCRIPT_NAME

It becomes a part of links, redirects and mails, and most proxies pass on the header that a client
sent. So only a prefix that the settings name is believed.
"""

import logging
import re
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("gatehouse.server")

# In the environ: where the whole is mounted, noted by who mounts both sides,
# and what a proxy has cut off.
MOUNT = "gatehouse.mount"
FORWARDED_PREFIX = "gatehouse.forwarded_prefix"

# What a path may hold as it is (RFC 3986, 3.3).
SAFE = "/:@!$&'()*+,;=~"
_LONGEST = 200
_SEGMENTS = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)


def plain_prefix(text: str) -> str | None:
    """Return a prefix as addresses begin with it, without a slash at its end;
    None for what is none. Linear.

    ``//host`` would be another host's address, and browsers resolve ``..``.
    """
    if len(text) > _LONGEST:
        return None
    prefix = text.removesuffix("/")
    if not prefix:
        return ""
    is_plain = _SEGMENTS.fullmatch(prefix) and not {".", ".."} & set(prefix.split("/"))
    return prefix if is_plain else None


def lies_below(path: str, *, mount: str) -> bool:
    """Tell whether a path is one of a mount's: itself, or one that goes on behind a slash."""
    return path.startswith(mount) and f"{path}/".startswith(f"{mount.rstrip('/')}/")


def believe_prefix(environ: MutableMapping[str, Any], *, accepted: Collection[str]) -> None:
    """Put what the proxy in front says that it cut off before SCRIPT_NAME, once however many ask.
    Only of a trusted proxy, and only one of ``accepted``.

    Of several values the last is that proxy's own.
    A server that knows the prefix already has it in SCRIPT_NAME.
    """
    if FORWARDED_PREFIX in environ:
        return
    prefix = plain_prefix(environ.get("HTTP_X_FORWARDED_PREFIX", "").rpartition(",")[2].strip())
    if prefix is None or (prefix and prefix not in accepted):
        _warn_of_prefix()
        prefix = None
    script_name = environ.get("SCRIPT_NAME", "")
    if not prefix or f"{script_name}/".startswith(f"{prefix}/"):
        environ[FORWARDED_PREFIX] = ""
        return
    environ[FORWARDED_PREFIX] = prefix
    environ["SCRIPT_NAME"] = prefix + script_name
    # Apache's own words, which Django takes before SCRIPT_NAME
    for rewritten in ("SCRIPT_URL", "REDIRECT_URL"):
        environ.pop(rewritten, None)


def enter(environ: MutableMapping[str, Any], *, prefixes: Collection[str]) -> None:
    """Note where the whole is mounted, before a dispatcher adds to SCRIPT_NAME.
    ``prefixes`` are those that a proxy is believed to cut off."""
    if prefixes:
        believe_prefix(environ, accepted=prefixes)
    environ[MOUNT] = environ.get("SCRIPT_NAME", "")


def find_mount(environ: Mapping[str, Any], *, api_prefix: str) -> str:
    """Return the mount as addresses begin with it; "" at the root.

    Where nobody noted it, the API knows it by its own SCRIPT_NAME,
    and another application takes it to be the root.
    """
    mount = environ.get(MOUNT)
    if mount is None:
        script_name: str = environ.get("SCRIPT_NAME", "")
        mount = script_name.removesuffix(api_prefix) if script_name.endswith(api_prefix) else ""
    return quoted(mount)


@lru_cache(maxsize=256)
def quoted(path: str) -> str:
    """Return a path of WSGI's as addresses have it, without a slash at its end."""
    return quote(path.rstrip("/").encode("latin-1"), safe=SAFE)


class ForwardedPrefix:
    """An application behind a trusted proxy that may cut off one of ``prefixes``."""

    def __init__(self, application: "WSGIApplication", prefixes: Collection[str]) -> None:
        self._application = application
        self._prefixes = prefixes

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        believe_prefix(environ, accepted=self._prefixes)
        return self._application(environ, start_response)


@lru_cache(maxsize=1)  # once in this process
def _warn_of_prefix() -> None:
    log.warning(
        "X-Forwarded-Prefix is ignored unless it is one of GATEHOUSE_FORWARDED_PREFIXES, such as "
        "/tools"
    )
