"""Where a log-in may lead on to: this site,
and services on other hosts and ports that the site lists.

``next`` comes with the address, so anybody may have written it:
an open redirect would lend the site's name to any page.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from shared.http.hosts import is_served
from shared.http.response_headers import PAGE_CONTENT_SECURITY_POLICY

# The pages whose forms end with a redirect to ``next``.
_PAGES = frozenset(
    {
        "account_login",
        "account_signup",
        "account_logout",
        "account_reauthenticate",
        "mfa_authenticate",
        "mfa_reauthenticate",
    }
)
# Where django-allauth keeps ``next`` while a second factor is asked for.
_STASHED = "account_login"


def is_onward(request: HttpRequest, url: str) -> bool:
    """Tell whether a log-in may lead to ``url``:
    a path, or http(s) at this host or one of GATEHOUSE_ALLOWED_HOSTS.

    Any port will do: who serves on another port of these hosts is their administrator's choice.
    ``*`` lists nobody.
    """
    try:
        scheme, host, *_ = urlsplit(url)
        listed = tuple(name for name in settings.ALLOWED_HOSTS if name != "*")
        # By its whole text: it stands in a header afterwards,
        # where a ``;`` behind the port would begin another directive.
        is_listed = bool(scheme) and is_served(host, (*listed, _name(request.get_host())))
    except ValueError:
        return False
    allowed = {host} if is_listed else set()
    return url_has_allowed_host_and_scheme(
        url, allowed_hosts=allowed, require_https=request.is_secure()
    )


class OnwardMiddleware:
    """Let the forms of a log-in end on the service that it leads on to:
    browsers apply ``form-action`` to redirects, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; add the other origin to the policy of a log-in's page."""
        response = self.get_response(request)
        match = request.resolver_match
        # A form that was refused is not looked at:
        # its body may have no end, and nobody may want it.
        if (
            match is not None
            and match.url_name in _PAGES
            and response.status_code < HTTPStatus.BAD_REQUEST
        ):
            target = _target(request)
            parts = urlsplit(target) if target and is_onward(request, target) else None
            if parts and parts.netloc:
                policy = PAGE_CONTENT_SECURITY_POLICY
                policy = policy.replace(
                    "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
                )
                response.headers.setdefault("Content-Security-Policy", policy)
        return response


def _target(request: HttpRequest) -> str:
    given = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME)
    if given or not hasattr(request, "session"):
        return given or ""
    stashed: Any = request.session.get(_STASHED)
    return str(stashed.get("redirect_url") or "") if isinstance(stashed, dict) else ""


def _name(host: str) -> str:
    """Return a host without its port, as ALLOWED_HOSTS would list it."""
    name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    return f"[{name}]" if ":" in name else name
