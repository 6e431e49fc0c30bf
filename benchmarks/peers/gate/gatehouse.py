"""Ours: a view behind ``login_required`` in someone's own Flask application;
the session is made by our Django site."""

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify

from benchmarks.measuring.context import USERNAME, Context
from flask_api.gate import Gatehouse, current_principal, login_required
from shared.settings import ApiSettings


def seed(context: Context, *, username: str = USERNAME, permissions: int = 0) -> str:
    """Make the site's database and a person in it who has so many ``permissions``, log in, and
    return the Cookie header; principal and session are Django's."""
    os.environ.update(
        GATEHOUSE_VAR_DIR=context.folder,
        GATEHOUSE_SESSION_SECRETS=context.session_secret,
        GATEHOUSE_SECRET_KEY=context.secret_key,
        GATEHOUSE_SITE_REDIS_URL=context.site_redis_url,
        GATEHOUSE_ALLOWED_HOSTS="testserver",
        DJANGO_SETTINGS_MODULE="django_site.settings",
    )
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from django_site.accounts.models import User

    Path(context.folder, "mail").mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)
    user = User.objects.create_user(username, f"{username}@example.org")
    _give(user, permissions)
    browser = Client()
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return f"sessionid={browser.cookies['sessionid'].value}"


def _give(user: Any, count: int) -> None:
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(user)
    names = [f"may_do_number_{number}" for number in range(count)]
    made = Permission.objects.bulk_create(
        [Permission(codename=name, name=name, content_type=kind) for name in names]
    )
    user.user_permissions.add(*made)


def create_app(context_file: str, tuned: bool = False) -> Flask:
    """Return the application; there is nothing to tune."""
    del tuned
    context = Context.load(context_file)
    settings = ApiSettings.model_validate(
        {"session_secrets": context.session_secret, "api_redis_url": context.api_redis_url}
    )
    # a busy machine is no outage
    settings = settings.model_copy(update={"redis_timeout_ms": 2000})
    app = Flask(__name__, static_folder=None)
    Gatehouse(app, settings=settings)

    @app.get("/gated")
    @login_required
    def gated() -> Response:
        return jsonify(username=current_principal().username)

    @app.get("/open")
    def ungated() -> Response:
        return jsonify(username=USERNAME)

    return app
