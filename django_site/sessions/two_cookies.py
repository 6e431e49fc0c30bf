"""A browser with two session cookies, after a domain change for example: say so, and end both.

Which of them counts is nobody's guess (frameworks differ), so every page is a 400 until one is
gone. A browser sends neither the Domain nor the Path of a cookie. So each that this request can
have is expired:
the host and its parent domains, the path and its parents (RFC 6265, 5.1.3 and 5.1.4).
"""

import ipaddress
from collections.abc import Iterator
from http.cookies import Morsel

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.http import escape_leading_slashes

from django_site.sessions.engine import SessionStore
from shared.errors import AmbiguousCredentials
from shared.http.cookies import cookie_values

_EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"
END_QUERY = "end-both-sessions"
_MAX_ENDED = 10  # sessions: a browser that carries more of them is no person's
_MAX_EXPIRED = 40  # Set-Cookie headers: a proxy takes no unbounded head
_PLAIN_PAGE = (
    "<!doctype html><title>Two sessions</title><h1>Two sessions at once</h1>"
    '<p>This browser sent two session cookies.</p><p><a href="?{query}">End both, then log in '
    "again</a></p>"
)


def answer_two_cookies(request: HttpRequest, error: AmbiguousCredentials) -> HttpResponse:
    """Return the 400 page with the way out or, when that way was taken,
    end both sessions and their cookies.

    Raises SessionStoreUnavailable. A link does it, not a form: no session can be trusted to hold a
    form's token, and all that another site could bring about by it is a log-in on a browser that is
    locked out anyway.
    """
    if request.META.get("QUERY_STRING") == END_QUERY:
        return _end_both(request)
    if "text/html" not in request.headers.get("Accept", ""):
        return HttpResponseBadRequest(error.message, content_type="text/plain; charset=utf-8")
    try:
        page: str = render_to_string("two_cookies.html", {"query": END_QUERY})
    except TemplateDoesNotExist:  # a site that adopted the engine and has no page of its own
        page = _PLAIN_PAGE.format(query=escape(END_QUERY))
    return HttpResponseBadRequest(page)


def _end_both(request: HttpRequest) -> HttpResponse:
    name = settings.SESSION_COOKIE_NAME
    for value in list(dict.fromkeys(cookie_values(request.META.get("HTTP_COOKIE", ""), name)))[
        :_MAX_ENDED
    ]:
        SessionStore(value).delete()  # of a value that is no session key, nothing
    # //host/ as a path would be another host's address
    response = HttpResponseRedirect(escape_leading_slashes(request.path))
    for number, morsel in enumerate(_expired(request, name)):
        # Under a key of its own: the jar holds one cookie per key, and these all have one name.
        response.cookies[f"{name}.{number}"] = morsel
    return response


def _expired(request: HttpRequest, name: str) -> Iterator["Morsel[str]"]:
    host_only = name.startswith("__Host-")
    paths = ["/"] if host_only else list(_paths(request.path))
    domains = [""] if host_only else ["", *_domains(request.get_host())]
    pairs = [(domain, path) for path in paths for domain in domains]
    for domain, path in pairs[:_MAX_EXPIRED]:
        morsel: Morsel[str] = Morsel()
        morsel.set(name, "", '""')
        morsel.update({"path": path, "expires": _EPOCH, "max-age": "0", "samesite": "Lax"})
        if domain:
            morsel["domain"] = domain
        if settings.SESSION_COOKIE_SECURE or name.startswith(("__Host-", "__Secure-")):
            morsel["secure"] = "1"
        yield morsel


def _domains(host: str) -> Iterator[str]:
    """Yield the host and its parents of at least two labels; an address has no parents."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        labels = name.split(".")
        yield from (".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))


def _paths(path: str) -> Iterator[str]:
    """Yield every Path whose cookie is sent with this request's path, the shortest first."""
    yield "/"
    for end in [at for at, character in enumerate(path) if character == "/"][1:]:
        yield path[:end]
        yield path[: end + 1]
    if not path.endswith("/"):
        yield path
