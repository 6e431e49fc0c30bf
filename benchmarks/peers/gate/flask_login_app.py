"""Flask-Login and Flask-Session (Redis), as their documentation shows:
it checks that the session names a known person.

It sees no password change and no deactivation of Django's; ``user_loader`` reads a dict, unless a
peer says better. Tuned: the session is not written back and no cookie sent on every request,
which is Flask-Session's default.
"""

from collections.abc import Callable
from typing import Any

import redis
from flask import Flask, Response, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_session import Session

from benchmarks.measuring.context import USER_AGENT, USERNAME, Context


class _Person(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    def __init__(self, person_id: str, username: str) -> None:
        self.id = person_id
        self.username = username


_PEOPLE = {"1": _Person("1", USERNAME)}


def seed(context: Context) -> str:
    """Log in by a request, as a person does, and return the Cookie header."""
    browser = create_app(str(context.save())).test_client()
    browser.post("/login", headers={"User-Agent": USER_AGENT})  # the session remembers who sent it
    cookie = browser.get_cookie("session")
    if cookie is None:
        raise RuntimeError("Flask-Session set no cookie")
    return f"session={cookie.value}"


def create_app(
    context_file: str,
    tuned: bool = False,
    *,
    people: Callable[[Flask], Callable[[str], Any]] = lambda _app: _PEOPLE.get,
) -> Flask:
    """Return the application; ``people`` gives it what finds a person by id."""
    context = Context.load(context_file)
    app = Flask(__name__, static_folder=None)
    app.secret_key = context.secret_key
    app.config.update(
        SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(context.peer_redis_url)
    )
    app.config["SESSION_REFRESH_EACH_REQUEST"] = not tuned
    Session(app)
    LoginManager(app).user_loader(people(app))

    @app.post("/login")
    def login() -> Response:
        login_user(_PEOPLE["1"])
        return jsonify(username=USERNAME)

    @app.get("/gated")
    @login_required  # type: ignore[untyped-decorator]  # Flask-Login has no types
    def gated() -> Response:
        return jsonify(username=current_user.username)

    @app.get("/open")
    def ungated() -> Response:
        return jsonify(username=USERNAME)

    return app
