"""/account/sessions/: where I am logged in, and ending that.
Sessions are named by their entry, which opens nothing."""

import time
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from django_site.client_address import client_address
from django_site.sessions.devices import describe_device
from django_site.sessions.index import PersonSession, end_other_sessions, end_session, sessions_of
from shared.contract.entries import session_entry


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """List the person's sessions; end the one that the form names, or all others."""
    user_id, own = str(request.user.pk), session_entry(str(request.session.session_key))
    if request.method != "POST":
        rows = [_described(session) for session in sessions_of(user_id) if session.entry != own]
        return render(
            request, "sessions/sessions.html", {"own": _own(request, own), "others": rows}
        )
    if "others" in request.POST:
        count = end_other_sessions(user_id, keep=own)
        words = _("Sessions ended: %(count)s. You are logged in only here now.")
        messages.success(request, words % {"count": count})
    elif request.POST.get("entry") == own:
        logout(request)
        return redirect("account_login")
    elif end_session(user_id, request.POST.get("entry", "")):
        messages.success(
            request,
            _("That session is ended. The device is logged out from its next request on."),
        )
    else:
        messages.info(request, _("That session had ended already."))
    return redirect("account_sessions")


def _own(request: HttpRequest, entry: str) -> dict[str, Any]:
    """Describe this session by this very request:
    what is stored was noted some minutes ago, or not yet."""
    now = int(time.time())
    return _described(
        PersonSession(
            entry=entry,
            created_at=getattr(request.session, "created_at", None) or now,
            last_seen_at=now,
            address=client_address(request),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
        )
    )


def _described(session: PersonSession) -> dict[str, Any]:
    return {
        "entry": session.entry,
        "device": describe_device(session.user_agent),
        "user_agent": session.user_agent[:300],
        "address": session.address,
        "began_at": datetime.fromtimestamp(session.created_at, UTC),
        "last_seen_at": datetime.fromtimestamp(session.last_seen_at, UTC),
    }
