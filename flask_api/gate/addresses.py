"""The addresses that the gate and the API give away, each built from the request:
nothing begins at the host's root by itself.

What is stored or streamed by the engine holds none: one process may answer under several mounts.
"""

from urllib.parse import urlencode, urlsplit

from flask import current_app, request

from flask_api.gate.sent_target import sent_target
from flask_api.gate.state import asked_request, gate_state, this_request
from shared.http.mount import find_mount, quoted


def script_root() -> str:
    """Return what stands before this application's own paths."""
    return quoted(this_request().environ.get("SCRIPT_NAME", ""))


def api_root() -> str:
    """Return where the API is: within the API,
    and in an application beside it that is only gated."""
    prefix = gate_state().settings.api_prefix
    return f"{find_mount(request.environ, api_prefix=prefix)}{prefix}"


def site_home() -> str:
    """Return the site's first page; of a site on another host what stands at its root."""
    settings = gate_state().settings
    if settings.is_login_elsewhere:
        login = urlsplit(settings.login_url)
        return f"{login.scheme}://{login.netloc}/"
    return f"{find_mount(request.environ, api_prefix=settings.api_prefix)}/"


def login_address(reason: str) -> str:
    """Return the log-in page's address, which leads back here afterwards and says why one was sent
    there."""
    settings = gate_state().settings
    target = sent_target(asked_request().environ)
    if settings.is_login_elsewhere:
        page, target = settings.login_url, f"{own_origin()}{target}"
    else:
        page = f"{find_mount(request.environ, api_prefix=settings.api_prefix)}{settings.login_url}"
    return f"{page}{'&' if '?' in page else '?'}{urlencode({'next': target, 'reason': reason})}"


def own_origin() -> str:
    """Return scheme, host and port under which this service was asked;
    the site decides whether it leads back there."""
    forwarded = (
        request.headers.get("X-Forwarded-Proto")
        if gate_state(current_app).settings.trusted_proxy
        else None
    )
    scheme = forwarded if forwarded in ("http", "https") else request.scheme
    return f"{scheme}://{asked_request().host}"
