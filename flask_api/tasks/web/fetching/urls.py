"""URLs as pages write them, made absolute as browsers do. Source: WHATWG URL Standard, 4.4."""

from urllib.parse import urljoin, urlsplit

MAX_URL = 2000
# Browsers drop them from a URL.
_LINE_BREAKS = dict.fromkeys(map(ord, "\t\r\n"))


def absolute_url(base: str, written: str) -> str | None:
    """Return ``written`` as an absolute http(s) URL,
    None if it is none or over 2,000 characters long.

    Blanks in it are encoded, as browsers do, but for those in a host's name; a backslash before the
    query is a slash, and before a host any number of slashes are two.
    """
    try:
        url = urljoin(
            base,
            _tidied(with_slashes(written.translate(_LINE_BREAKS).strip()), urlsplit(base).scheme),
        )
        if " " in urlsplit(url).netloc:
            return None
    except ValueError:  # http://[
        return None
    url = url.replace(" ", "%20")
    is_web = url.lower().startswith(("http://", "https://"))
    return (
        url
        if is_web and len(url) <= MAX_URL and not any(character.isspace() for character in url)
        else None
    )


def with_slashes(url: str) -> str:
    """Return an http(s) URL with slashes for backslashes, but in its query and fragment."""
    end = min((at for mark in "?#" if (at := url.find(mark)) != -1), default=len(url))
    return url[:end].replace("\\", "/") + url[end:]


def _tidied(url: str, base_scheme: str) -> str:
    """Return a URL as urljoin understands it: ``http:x`` is relative to a base of that scheme,
    ``///host`` is a host."""
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() in ("http", "https"):
        if scheme.lower() == base_scheme and not rest.startswith("//"):
            return rest
        return f"{scheme}://{rest.lstrip('/')}"
    return f"//{url.lstrip('/')}" if url.startswith("//") else url
