"""What was typed into a form whose sending failed for who sent it: a session that had ended, or a
log-in in another tab meanwhile. The browser keeps it, signed, until the form is shown again.

Nothing of it is stored here: whoever is not logged in must not be able to fill our Redis.
"""

from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from django_site.problem import csrf_failure as refuse

_SALT = "gatehouse.draft"
_MAX_AGE_S = 900
# What browsers keep of one cookie, with its name and attributes.
_LONGEST = 3800
_NOT_KEPT = frozenset({"csrfmiddlewaretoken", "key", "show"})


def send_back(name: str, sent: QueryDict) -> HttpResponse:
    """Lead back to the form of a task, which will have what was typed."""
    answer = redirect(f"{reverse('start', args=[name])}?{urlencode({'draft': '1'})}")
    values = {key: sent.getlist(key) for key in sent if key not in _NOT_KEPT}
    text = signing.dumps([name, values], salt=_SALT, compress=True)
    if len(text) > _LONGEST:
        forget_draft(answer)  # an older one would be shown as this one
    else:
        answer.set_cookie(
            settings.DRAFT_COOKIE_NAME,
            text,
            max_age=_MAX_AGE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return answer


def find_draft(request: HttpRequest, name: str) -> QueryDict | None:
    """Return what this person typed into the form of this task; None when nothing is kept."""
    text = request.COOKIES.get(settings.DRAFT_COOKIE_NAME, "")
    try:
        kept_name, values = signing.loads(text, salt=_SALT, max_age=_MAX_AGE_S)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    found = QueryDict("", mutable=True)
    for key, texts in values.items():
        found.setlist(key, texts)
    # On a shared computer the next one who logs in may be somebody else.
    is_own = found.get("person") == str(request.user.pk)
    return found if is_own and kept_name == name else None


def forget_draft(answer: HttpResponse) -> None:
    """Have the browser forget it."""
    answer.set_cookie(
        settings.DRAFT_COOKIE_NAME,
        "",
        max_age=0,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a failed cross-site check (CSRF_FAILURE_VIEW). A form of this site that is older than
    the log-in comes back with what was typed, to be sent again; nothing else does."""
    match: Any = request.resolver_match
    is_ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if match is not None and match.url_name == "start" and is_ours:
        return send_back(match.kwargs["name"], request.POST)
    return refuse(request, reason)
