"""Where the site's e-mail goes: an SMTP server named by a URL, else files in a folder.

smtp://user:password@host:587     STARTTLS before anything else is said
smtps://user:password@host:465    TLS from the first byte; smtp+ssl:// is the same
smtp+plain://localhost:25         no encryption: a relay on this machine, so no user name
                                  and no other host
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from shared.errors import ConfigurationError

_DEFAULT_PORTS = {"smtp": 587, "smtps": 465, "smtp+ssl": 465, "smtp+plain": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ACCEPTED = "it must be an smtp:// or smtps:// URL or, to this machine only, smtp+plain://"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """What Django's EMAIL_ settings want to know."""

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False


FILES = MailServer(backend="django_site.mail_files.EmailBackend")


def mail_server(url: str | None) -> MailServer:
    """Return the server that ``url`` names, or FILES for None.

    Raises ConfigurationError, without the URL: it may hold a password.
    """
    if not url:
        return FILES
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ConfigurationError(f"GATEHOUSE_EMAIL_URL can't be read: {_ACCEPTED}") from None
    if not parts.hostname or (parts.scheme == "smtp+plain" and not _is_local(parts)):
        raise ConfigurationError(f"GATEHOUSE_EMAIL_URL names no usable host: {_ACCEPTED}")
    return MailServer(
        backend="django_site.mail_sender.BackgroundEmailBackend",
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp",
        use_ssl=parts.scheme in ("smtps", "smtp+ssl"),
    )


def _is_local(parts: SplitResult) -> bool:
    return parts.hostname in _LOOPBACK and not parts.username
