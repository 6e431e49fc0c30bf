"""Who sees the pages of operators: staff with a permission. Nothing is looked at for anybody else;
and the API, which a page asks as its person, decides again.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from django_site.work.access import P, View, page

OPERATE_PERMISSION = "gatehouse_principals.operate_jobs"
VIEW_PERMISSION = "gatehouse_principals.view_operations"


def may_view(request: HttpRequest) -> bool:
    """Tell whether a person may look as operators do."""
    is_staff = request.user.is_active and getattr(request.user, "is_staff", False)
    return bool(is_staff and (_has(request, VIEW_PERMISSION) or _has(request, OPERATE_PERMISSION)))


def may_operate(request: HttpRequest) -> bool:
    """Tell whether a person may act as an operator."""
    return may_view(request) and _has(request, OPERATE_PERMISSION)


def viewers_page(view: View[P]) -> View[P]:
    """Make a page for operators and those who only look; it only shows something."""
    safe: View[P] = require_safe(page(_only(may_view, view)))
    return safe


def operators_act(view: View[P]) -> View[P]:
    """Make a view that operators send a form to."""
    posted: View[P] = require_POST(page(_only(may_operate, view)))
    return posted


def _only(may: Callable[[HttpRequest], bool], view: View[P]) -> View[P]:
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not may(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def _has(request: HttpRequest, permission: str) -> bool:
    person: Any = request.user
    return bool(person.has_perm(permission))
