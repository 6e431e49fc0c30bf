"""What fields of settings have in common: their types, and what each accepts."""

import re
from ipaddress import IPv6Address
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, SecretStr
from pydantic_settings import NoDecode

from shared.http.hosts import is_pattern
from shared.http.mount import plain_prefix
from shared.settings.redis_url import require_redis_url, require_values

SECRET_MIN_LENGTH = 32
_AMQP_SCHEMES = ("amqp", "amqps")
AMQP_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
# Without quotes, angle brackets, the fragment and backslashes, which browsers take for slashes.
_PLAIN_URL = re.compile(r"[!$-;=?-\[\]-~]+", re.ASCII)
_PAIR_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_MIN_LENGTH:
        raise ValueError(f"a secret needs at least {SECRET_MIN_LENGTH} characters")
    return secret


def _amqp_url(url: SecretStr) -> SecretStr:
    """Refuse what does not name a RabbitMQ, and options that nothing here would heed."""
    try:
        parts = urlsplit(url.get_secret_value())
        names_host = parts.scheme in _AMQP_SCHEMES and bool(parts.hostname) and parts.port != 0
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:  # its message repeats a part of the URL, which may hold a password
        names_host = False
    if not names_host or "/" in parts.path[1:] or parts.fragment:
        raise ValueError("it must be amqp://user:password@host/vhost or amqps:// for TLS")
    if not options.keys() <= set(AMQP_OPTIONS if parts.scheme == "amqps" else ()):
        raise ValueError(f"only an amqps:// URL has options, of {', '.join(AMQP_OPTIONS)}")
    try:
        require_values(parts.query)
    except ValueError as error:  # it says no value
        raise ValueError(f"in an amqps:// URL {error}") from None
    return url


def _login_url(url: str) -> str:
    """Refuse what a browser could take for another host's address,
    or what ``next`` can't be added to."""
    is_path = url.startswith("/") and url[1:2] not in ("/", "\\")
    if not (is_path or _is_web_url(url)) or not _PLAIN_URL.fullmatch(url):
        raise ValueError(
            "it must be a path such as /accounts/login/, or an http:// or https:// URL"
        )
    return url


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _api_url(url: str) -> str:
    if url and not (_is_web_url(url) and _PLAIN_URL.fullmatch(url) and "?" not in url):
        raise ValueError("it must be an http:// or https:// URL with the API's path, without a ?")
    return url.rstrip("/")


def _cookie_path(path: str) -> str:
    if path not in ("", "/") and not plain_prefix(path):
        raise ValueError("it must be / or a path such as /tools")
    return path if path == "/" else path.removesuffix("/")


def _prefix(path: str) -> str:
    prefix = plain_prefix(path)
    if not prefix:
        raise ValueError("it must be paths such as /tools, of letters, digits and . _ ~ -")
    return prefix


def _host_name(host: str) -> str:
    """Refuse what no Host header matches, the port left aside:
    the service would answer 400 to everybody."""
    if not is_pattern(host):
        raise ValueError("it must be names or addresses, without a scheme, a port or a path")
    return host


def _origin(origin: str) -> str:
    """Refuse what no browser sends as an Origin, and no site below could be."""
    scheme, _, netloc = origin.partition("://")
    host = netloc.removeprefix("*.")
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):  # colons of an IPv6 address
        name, colon, port = host, "", ""
    is_host = is_pattern(name) and name[0] not in "*."
    if not (scheme in _DEFAULT_PORTS and is_host and (not colon or _is_own_port(scheme, port))):
        raise ValueError(
            "it must be origins such as https://app.example.org, https://*.example.org or "
            "http://localhost:8000, with a port only if it isn't the scheme's own"
        )
    return origin


def _is_own_port(scheme: str, port: str) -> bool:
    is_number = port.isascii() and port.isdigit() and len(port) <= 5 and port[0] != "0"
    return is_number and int(port) < 65_536 and port != _DEFAULT_PORTS[scheme]


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
RedisUrl = Annotated[SecretStr, AfterValidator(require_redis_url)]
AmqpUrl = Annotated[SecretStr, AfterValidator(_amqp_url)]
LoginUrl = Annotated[str, AfterValidator(_login_url)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
CookiePath = Annotated[str, AfterValidator(_cookie_path)]
Prefix = Annotated[str, AfterValidator(_prefix)]
HostName = Annotated[str, AfterValidator(_host_name)]
WordList = Annotated[tuple[str, ...], NoDecode]
Origin = Annotated[str, AfterValidator(_origin)]


def listening_host(host: str) -> str:
    """Return a name or address to listen on, IPv6 without the brackets of URLs.
    Raises ValueError for anything with a port."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if bare == host and ":" not in host:
        return host
    try:
        return str(IPv6Address(bare))
    except ValueError:
        raise ValueError("it must be a name, an IPv4 or an IPv6 address, without a port") from None


def split_list(value: Any) -> Any:
    """Lists are written with commas: ``a,b``. JSON in a shell variable is a trap for quotes."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def split_pairs(value: Any) -> Any:
    """Pairs are written as ``name=value,name=value``; a value may have an equals sign.
    Raises ValueError, which repeats no value."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in split_list(value)]
    names = [name.strip() for name, _, _ in pairs]
    if not all(map(_PAIR_NAME.fullmatch, names)) or not all(sign for _, sign, _ in pairs):
        raise ValueError("it must be name=value,name=value; names have letters, digits and . _ -")
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return dict(zip(names, (text.strip() for _, _, text in pairs), strict=True))
