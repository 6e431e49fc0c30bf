"""Heal a person whose principal is missing or stale: their next Django page publishes it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_site.principals.publish import find_principal, publish_with_session
from django_site.sessions.middleware import mark_outage
from shared.contract.session import USER_HASH, USER_ID
from shared.errors import SessionStoreUnavailable


class PrincipalMiddleware:
    """After a flushed Redis the API knows nobody.
    Costs one read per page of a logged-in person, and no query.

    Stands after AuthenticationMiddleware and inside of GatehouseSessionMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Compare what is published with the session;
        if it would refuse the person, publish what the database says."""
        try:
            _heal(request)
        except SessionStoreUnavailable as error:
            return mark_outage(request, error)
        return self.get_response(request)


def _heal(request: HttpRequest) -> None:
    user_id = request.session.get(USER_ID)
    if user_id is None:
        return
    principal = find_principal(str(user_id))
    current = principal is not None and principal.auth_hash == request.session.get(USER_HASH)
    if not current and request.user.is_authenticated:
        publish_with_session(request.user.pk)
