"""A URL of Redis: what of it redis-py could not read, or would not heed, is refused where the
variable's name is known. No message repeats a part of it, which may hold a password."""

import re
import ssl
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import SecretStr

from shared.contract.entries import PREFIX
from shared.redis import cluster, sentinel
from shared.redis.finder import ESCAPES

_SCHEMES = ("redis", "rediss", "unix")
_DATABASE = re.compile(r"[0-9]{0,5}")
# The time-outs are common in URLs that a service hands out; ours win (shared.redis.client).
_OPTIONS: tuple[str, ...] = ("db", "socket_timeout", "socket_connect_timeout", "socket_keepalive")
_TLS_OPTIONS = (
    "ssl_cert_reqs",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_check_hostname",
    "ssl_min_version",
    "ssl_ciphers",
)
# Of what finds a server, as people write them; "entry" is written by the settings themselves.
_OF_CLUSTER = ("replicas",)
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_YES_OR_NO = re.compile(r"1|0|t|f|true|false|y|n|yes|no", re.IGNORECASE)
# What redis-py would take for something else, or raise for when it connects: what is accepted, and
# how people are told. Of any other option the value is a text that is not empty.
_ANY = re.compile(r".+", re.DOTALL)
_VALUES = {
    "db": (re.compile(r"[0-9]{1,5}"), "a number"),
    "socket_timeout": (_SECONDS, "seconds: 0.5"),
    "socket_connect_timeout": (_SECONDS, "seconds: 0.5"),
    "socket_keepalive": (_YES_OR_NO, "true or false"),
    "ssl_check_hostname": (_YES_OR_NO, "true or false"),
    "ssl_cert_reqs": (re.compile("required|optional|none"), "required, optional or none"),
    "ssl_min_version": (re.compile("771|772"), "771 (TLS 1.2) or 772 (TLS 1.3)"),
}
_ONE_DATABASE = "a Redis Cluster has only database 0: end the URL after the /"


def require_redis_url(url: SecretStr) -> SecretStr:
    """Return a URL as it is. Raises ValueError."""
    text = url.get_secret_value()
    if "#" in text:  # nothing behind it would be read
        raise ValueError(f"it has no #; {ESCAPES}")
    scheme = text.partition("://")[0]
    accepted = _OPTIONS
    if sentinel.is_sentinel_url(text):
        text, _, _ = sentinel.split_sentinel_url(text)
        accepted = (*sentinel.OPTIONS, *_OPTIONS)
    elif cluster.is_cluster_url(text):
        text = _node_of_cluster(text)
        accepted = (*_OF_CLUSTER, *(name for name in _OPTIONS if name != "db"))
    parts, options = _split(text)
    database = parts.path.strip("/") if parts.scheme != "unix" else ""
    if not all(_DATABASE.fullmatch(number) for number in (database, *options.get("db", ()))):
        raise ValueError("the database in a Redis URL is a number: redis://host:6379/0")
    accepted += _TLS_OPTIONS if parts.scheme == "rediss" else ()
    if not options.keys() <= set(accepted):
        raise ValueError(f"the options of a {scheme}:// URL must be of {', '.join(accepted)}")
    require_values(url.get_secret_value().partition("?")[2])
    if cluster.is_cluster_url(url.get_secret_value()) and "{" not in PREFIX:
        raise ValueError(
            "a Redis Cluster needs names with a hash tag: GATEHOUSE_REDIS_PREFIX={gatehouse}:"
        )
    return url


def _split(text: str) -> tuple[SplitResult, dict[str, list[str]]]:
    """Return the parts and the options of one server's URL."""
    scheme, _, rest = text.partition("://")
    if scheme not in _SCHEMES:
        raise ValueError(
            "it must begin with redis://, rediss:// or unix://, or redis+sentinel:// or "
            "redis+cluster://"
        )
    try:
        parts = urlsplit(text)
        # The host ends at the first / ? or #: what stands before it is a password's beginning.
        before = rest.partition("?")[0]  # a value behind it may have one
        is_cut = scheme != "unix" and "@" in before and "@" not in parts.netloc
        is_readable = parts.port != 0 and not is_cut
    except ValueError:
        is_readable = False
    if not is_readable:
        raise ValueError(f"the port is no number; {ESCAPES}")
    try:
        return parts, parse_qs(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)
        )
    except ValueError:
        raise ValueError(f"behind ? it has name=value&name=value; {ESCAPES}") from None


def require_values(query: str) -> None:
    """Refuse values that would not be heeded, or not before somebody connects: those of options
    that are known, so their names are no secret. Raises ValueError."""
    given = parse_qs(query, keep_blank_values=True)
    for name, values in given.items():
        pattern, words = _VALUES.get(name, (_ANY, "not empty"))
        if len(values) > 1:
            raise ValueError(f"the option {name} is given once")
        if not pattern.fullmatch(values[0]):
            raise ValueError(f"the option {name} is {words}")
    if "ssl_keyfile" in given and "ssl_certfile" not in given:
        raise ValueError("the option ssl_keyfile needs ssl_certfile")
    try:
        if "ssl_ciphers" in given:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(given["ssl_ciphers"][0])
    except ssl.SSLError:
        raise ValueError("the option ssl_ciphers is a list of OpenSSL's") from None


def _node_of_cluster(url: str) -> str:
    """Return the URL of one node, if that is what the URL says of the Cluster."""
    node, _, about = cluster.split_cluster_url(url)
    parts = urlsplit(node)
    if parts.path.strip("/") not in ("", "0") or "db" in parse_qs(parts.query):
        raise ValueError(_ONE_DATABASE)
    if "entry" in about:
        raise ValueError("behind the nodes of a Redis Cluster stands no entry")
    return node
