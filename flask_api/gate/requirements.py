"""The decorators that gate a view. Each only decides;
who a request acts as is found out by flask_api.gate.extension.

They stack in any order, on any view of an application with ``Gatehouse(app)``.
"""

import time
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar

from flask import current_app

from flask_api.gate.extension import current_identity
from shared.contract.authentication import Identity
from shared.contract.principal import Principal
from shared.errors import EmailUnverified, PermissionDenied, RecentLoginRequired

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]

_SCOPES = "gatehouse_scopes"
_DECISIONS = "gatehouse_decisions"


def requirement(
    decide: Callable[[Identity], None], *, scopes: tuple[str, ...] = ()
) -> Callable[[View[P, R]], View[P, R]]:
    """Make a decorator of a decision: it returns,
    or raises NotAuthenticated or PermissionDenied.

    ``scopes``: a key needs one of these; the view keeps them for :func:`scopes_of`.
    """

    def decorate(view: View[P, R]) -> View[P, R]:
        is_async = iscoroutinefunction(view)  # asked once, not at every request

        @wraps(view)
        def gated(*args: P.args, **kwargs: P.kwargs) -> Any:
            decide(current_identity())
            return (current_app.ensure_sync(view) if is_async else view)(*args, **kwargs)

        setattr(gated, _DECISIONS, (decide, *_decisions_of(view)))
        if scopes:
            setattr(gated, _SCOPES, (scopes, *scopes_of(view)))
        return gated

    return decorate


def scopes_of(view: Callable[..., Any]) -> tuple[tuple[str, ...], ...]:
    """Return the scopes that a key needs for a view: one of each group."""
    found: tuple[tuple[str, ...], ...] = getattr(view, _SCOPES, ())
    return found


def decide_on(view: Callable[..., Any]) -> None:
    """Ask what gates a view, for what is looked at before the view is called; raises what it does.
    It costs no look-up: who asks is found out once."""
    for decide in _decisions_of(view):
        decide(current_identity())


def _decisions_of(view: Callable[..., Any]) -> tuple[Callable[[Identity], None], ...]:
    found: tuple[Callable[[Identity], None], ...] = getattr(view, _DECISIONS, ())
    return found


def login_required(view: View[P, R]) -> View[P, R]:
    """Let in every person who is logged in, and every valid key."""
    decorate: Callable[[View[P, R]], View[P, R]] = requirement(_anyone)
    return decorate(view)


def permission_required(permission: str) -> Callable[[View[P, R]], View[P, R]]:
    """Let in people with Django's permission ``app_label.codename``; a superuser has every one."""
    return user_passes_test(
        lambda principal: principal.has_permission(permission),
        reason=f"This needs the permission {permission}.",
    )


def user_passes_test(
    test: Callable[[Principal], bool], *, reason: str
) -> Callable[[View[P, R]], View[P, R]]:
    """Let in the people whom ``test`` accepts; the others are told ``reason``, a sentence."""

    def decide(identity: Identity) -> None:
        if not test(identity.principal):
            raise PermissionDenied(reason)

    return requirement(decide)


def staff_required(view: View[P, R]) -> View[P, R]:
    """Let in Django's staff."""
    decorate: Callable[[View[P, R]], View[P, R]] = user_passes_test(
        lambda principal: principal.is_staff, reason="This is for staff."
    )
    return decorate(view)


def email_verified_required(view: View[P, R]) -> View[P, R]:
    """Let in people who have proved that their e-mail address is theirs."""
    decorate: Callable[[View[P, R]], View[P, R]] = requirement(_email_verified)
    return decorate(view)


def scope_required(*scopes: str) -> Callable[[View[P, R]], View[P, R]]:
    """Let in a session, and a key that has one of ``scopes``."""

    def decide(identity: Identity) -> None:
        require_scope(identity, *scopes)

    return requirement(decide, scopes=scopes)


def require_scope(identity: Identity, *scopes: str) -> None:
    """Raise PermissionDenied unless the credential has one of ``scopes``:
    for a view that knows them only at run time."""
    if not identity.has_scope(*scopes):
        raise PermissionDenied(f"This needs a key with the scope {' or '.join(scopes)}.")


def recent_login_required(
    *, max_age_s: int, clock: Callable[[], float] = time.time
) -> Callable[[View[P, R]], View[P, R]]:
    """Step up: let in people who proved who they are at most ``max_age_s`` ago; a key never did.

    Source: RFC 9470; OWASP ASVS 5.0, 7.5.3.
    """

    def decide(identity: Identity) -> None:
        if identity.authenticated_at is None:
            raise PermissionDenied("This needs a person who logged in lately; a key can't do it.")
        if clock() - identity.authenticated_at > max_age_s:
            raise RecentLoginRequired(max_age_s=max_age_s)

    return requirement(decide)


def _email_verified(identity: Identity) -> None:
    if not identity.principal.email_verified:
        raise EmailUnverified("This needs a verified e-mail address: see your account.")


def _anyone(identity: Identity) -> None:
    """Being identified is enough."""
    del identity
