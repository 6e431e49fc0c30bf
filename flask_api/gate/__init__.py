"""The gate for anyone's Flask application: Django's log-in decides who a request acts as.

from flask_api.gate import Gatehouse, current_principal, login_required

app = Flask(__name__)
Gatehouse(app)

@app.get("/report")
@login_required
def report() -> str:
    return f"for {current_principal().username}"
"""

from flask_api.gate.extension import Gatehouse, current_identity, current_principal
from flask_api.gate.requirements import (
    email_verified_required,
    login_required,
    permission_required,
    recent_login_required,
    scope_required,
    staff_required,
    user_passes_test,
)

__all__ = [
    "Gatehouse",
    "current_identity",
    "current_principal",
    "email_verified_required",
    "login_required",
    "permission_required",
    "recent_login_required",
    "scope_required",
    "staff_required",
    "user_passes_test",
]
