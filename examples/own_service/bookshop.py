"""A bookshop's own Flask service: who may do what is decided by the log-in of the Django site
beside it."""

from flask import Flask

from flask_api.gate import Gatehouse, current_principal, login_required, permission_required
from shared.settings import ApiSettings

ORDERS = [{"isbn": "9780306406157", "copies": 2}]


def create_app(settings: ApiSettings | None = None) -> Flask:
    """Return the application. Without ``settings``, those of the environment;
    a test gives its own."""
    app = Flask(__name__)
    Gatehouse(app, settings=settings)

    @app.get("/")
    def welcome() -> str:
        return "A bookshop. /me needs a log-in, /orders a permission."

    @app.get("/me")
    @login_required
    def me() -> dict[str, str]:
        return {"username": current_principal().username}

    @app.get("/orders")
    @permission_required("bookshop.view_order")
    def orders() -> list[dict[str, object]]:
        return [*ORDERS]

    return app
