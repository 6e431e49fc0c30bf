"""Who is let in as an operator: staff with one of two permissions, and of keys those with a scope
of their own besides. Everybody else is refused before anything is looked at.

| | sees what runs, everybody's jobs and what they hold | pauses, cancels, requeues, deletes |
|---|---|---|
| VIEW_PERMISSION | yes | no |
| OPERATE_PERMISSION | yes | yes |
"""

from flask_api.gate.requirements import P, R, View, require_scope, requirement
from shared.contract.api_keys import OPERATE_READ_SCOPE, OPERATE_WRITE_SCOPE
from shared.contract.authentication import Identity
from shared.contract.principal import Principal
from shared.errors import PermissionDenied

OPERATE_PERMISSION = "gatehouse_principals.operate_jobs"
VIEW_PERMISSION = "gatehouse_principals.view_operations"


def may_view(principal: Principal) -> bool:
    """Tell whether a person sees the pages of operators."""
    return principal.is_staff and (
        principal.has_permission(VIEW_PERMISSION) or may_operate(principal)
    )


def may_operate(principal: Principal) -> bool:
    """Tell whether a person acts as an operator."""
    return principal.is_staff and principal.has_permission(OPERATE_PERMISSION)


def viewer_required(view: View[P, R]) -> View[P, R]:
    """Let in operators and those who may only look."""
    return _operators_only(view, scope=OPERATE_READ_SCOPE, acts=False)


def operator_required(view: View[P, R]) -> View[P, R]:
    """Let in operators."""
    return _operators_only(view, scope=OPERATE_WRITE_SCOPE, acts=True)


def _operators_only(view: View[P, R], *, scope: str, acts: bool) -> View[P, R]:
    def decide(identity: Identity) -> None:
        _decide(identity, acts=acts)
        require_scope(identity, scope)

    decorate = requirement(decide, scopes=(scope,))
    return decorate(view)


def _decide(identity: Identity, *, acts: bool) -> None:
    may = may_operate if acts else may_view
    if not may(identity.principal):
        needed = OPERATE_PERMISSION if acts else f"{VIEW_PERMISSION} or {OPERATE_PERMISSION}"
        raise PermissionDenied(f"This is for staff with the permission {needed}.")
