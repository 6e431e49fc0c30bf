"""/language/: the page on which anybody chooses a language."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from django_site.language.choice import choose, is_offered


@require_http_methods(["GET", "HEAD", "POST"])
def language(request: HttpRequest) -> HttpResponse:
    """Offer the languages; keep the one that was chosen and go back to where it was asked for."""
    chosen = request.POST.get("language", "")
    if request.method == "POST" and is_offered(chosen):
        response = redirect(_way_back(request, request.POST.get(REDIRECT_FIELD_NAME, "")))
        choose(request, response, chosen)
        return response
    languages = [(code, capfirst(name)) for code, name in settings.LANGUAGES]
    context = {"languages": languages, "way_back": _page_before(request)}
    return render(request, "language/language.html", context)


def _page_before(request: HttpRequest) -> str:
    """Return the page of this site whose link led here, "" for none: a link that names it would
    put words of an address on every page."""
    try:
        before = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    if before.netloc != request.get_host() or before.path == request.path:
        return ""
    return f"{before.path}?{before.query}" if before.query else before.path


def _way_back(request: HttpRequest, url: str) -> str:
    """Return where to go on: this site's pages only, else the home page."""
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_ours else "home"
