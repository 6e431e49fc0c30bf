"""A cookie by which a browser is known to have logged in before, with the password of now:
it opens nothing.

All it does: its wrong passwords are counted apart from a stranger's, so that nobody can lock the
owner out. Holds up to five people's marks, each ``[user id, nonce, mark of the password]``, signed
under a salt of its own with the site's SECRET_KEY. It ends with the password. Source:
OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

_SALT = "gatehouse.device"
_MAX_AGE_S = 180 * 86_400
_MAX_PEOPLE = 5
_MAX_LENGTH = 2_000


def knows_anybody(request: HttpRequest) -> bool:
    """Tell whether the browser has a mark of ours of anybody at all;
    else there is nobody to look up. Asks no database."""
    return bool(_marks(request))


def known_device(request: HttpRequest, person: Any) -> str | None:
    """Return the nonce of the browser if ``person`` has logged in with it before, else None."""
    for user_id, nonce, mark in _marks(request):
        if user_id == str(person.pk) and constant_time_compare(mark, _mark(person)):
            return nonce
    return None


def remember_device(request: HttpRequest, response: HttpResponseBase, person: Any) -> bool:
    """Let the browser be known as one that ``person`` has logged in with;
    tell whether it was known before."""
    known = known_device(request, person)
    nonce = known or secrets.token_urlsafe(12)
    others = [entry for entry in _marks(request) if entry[0] != str(person.pk)]
    marks = [[str(person.pk), nonce, _mark(person)], *others][:_MAX_PEOPLE]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(marks, salt=_SALT),
        max_age=_MAX_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return known is not None


def _mark(person: Any) -> str:
    return salted_hmac(_SALT, person.password, algorithm="sha256").hexdigest()[:32]


def _marks(request: HttpRequest) -> list[tuple[str, str, str]]:
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    if not value or len(value) > _MAX_LENGTH:
        return []
    try:
        marks: Any = signing.loads(value, salt=_SALT, max_age=_MAX_AGE_S)
        return [(str(user_id), str(nonce), str(mark)) for user_id, nonce, mark in marks]
    except (signing.BadSignature, TypeError, ValueError):
        return []
