"""The page of API keys. A program gets JSON at the same addresses (json_client.py)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from django_site.keys import json_client
from django_site.keys.forms import KeyForm
from django_site.keys.issue import create_key, revoke_keys
from django_site.keys.last_used import last_used
from django_site.keys.models import ApiKey
from django_site.keys.recent_login import is_recent
from django_site.keys.verified import needs_verified_address
from django_site.problem import not_authenticated, wants_json

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def _person_required(view: View[P]) -> View[P]:
    """Send a person to log in, and answer a program 401:
    only the session's cookie counts here, never a key."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if wants_json(request):
            return not_authenticated()
        # not where a form was sent to: that answers no GET
        return redirect_to_login(reverse("account_keys"))

    return guarded


@require_http_methods(["GET", "HEAD", "POST"])
@_person_required
def keys(request: HttpRequest) -> HttpResponse:
    """List the person's keys; make one."""
    if wants_json(request):
        with translation.override("en"):  # problems are English, whatever the client's browser
            return (
                json_client.create(request)
                if request.method == "POST"
                else json_client.listing(request)
            )
    if request.method != "POST":
        return _page(request, form=KeyForm())
    if not is_recent(request):
        raise ReauthenticationRequired
    return _create(request, KeyForm(request.POST))


@require_http_methods(["DELETE"])
@_person_required
def key(request: HttpRequest, key_id: int) -> HttpResponse:
    """Revoke one key: for programs."""
    return json_client.revoke(request, key_id)


@csrf_exempt  # no cookie counts here, so there is nothing that another site could ride on
@require_http_methods(["DELETE"])
def presented_key(request: HttpRequest) -> HttpResponse:
    """Revoke the key that the request carries: for programs that log out.
    It is all that a key can do here."""
    return json_client.revoke_presented(request)


@require_POST
@_person_required
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """Revoke one key: for people."""
    if not revoke_keys(ApiKey.objects.of(request.user).filter(pk=key_id), by=request.user):
        raise Http404
    messages.success(request, _("The key is revoked. Whatever uses it is refused from now on."))
    return redirect("account_keys")


@require_POST
@_person_required
def revoke_all(request: HttpRequest) -> HttpResponse:
    """Revoke all keys of the person."""
    count = revoke_keys(ApiKey.objects.of(request.user), by=request.user)
    messages.success(request, _("All your keys are revoked: %(count)s.") % {"count": count})
    return redirect("account_keys")


def _create(request: HttpRequest, form: KeyForm) -> HttpResponse:
    if form.is_valid():
        try:
            made, token = create_key(request.user, **form.wanted())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            # Shown in this very answer: a redirect would have to keep the key somewhere meanwhile.
            return _page(request, form=KeyForm(), made=made, token=token)
    return _page(request, form=form, status=422)


def _page(
    request: HttpRequest, *, form: KeyForm, status: int = 200, **context: Any
) -> HttpResponse:
    rows = ApiKey.objects.of(request.user)
    live = list(rows.live())
    used_at = last_used(live)
    for row in live:
        row.used_at = used_at.get(row.pk)
    context |= {
        "form": form,
        "live": live,
        "over": rows.over()[:20],
        "is_recent": is_recent(request),
        "is_unverified": needs_verified_address(request.user),
    }
    return render(request, "keys/keys.html", context, status=status)
