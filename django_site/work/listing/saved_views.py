"""Views of the list of jobs that a person keeps by name."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from django_site.work.access import page
from django_site.work.listing.many import back_to_list, sent_filters
from django_site.work.models import SavedView

MOST = 30
_LONGEST_NAME, _LONGEST_QUERY = 40, 900


@require_POST
@page
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the view that the form was sent from; a name that is known already is given anew."""
    name = _name(request)
    query = sent_filters(request).address()
    own = SavedView.objects.filter(person_id=request.user.pk)
    if not name or not query:
        messages.warning(request, _("Choose what is shown, and give it a name."))
    elif len(query) > _LONGEST_QUERY:
        messages.warning(request, _("These words are too long to keep."))
    elif not own.filter(name=name).exists() and own.count() >= MOST:
        words = _("You keep %(most)s views already. Forget one first.") % {"most": MOST}
        messages.warning(request, words)
    else:
        SavedView.objects.update_or_create(
            person_id=request.user.pk, name=name, defaults={"query": query}
        )
    return back_to_list(request)


@require_POST
@page
def forget_view(request: HttpRequest) -> HttpResponse:
    """Keep a view no longer."""
    SavedView.objects.filter(person_id=request.user.pk, name=_name(request)).delete()
    return back_to_list(request)


def _name(request: HttpRequest) -> str:
    """Return the name that was sent, as it is kept; no database has room for a NUL."""
    return " ".join(request.POST.get("name", "").replace("\0", "")[:_LONGEST_NAME].split())
