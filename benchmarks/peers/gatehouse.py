"""Ours: a view behind ``login_required`` in someone's own Flask application;
the session is made by our Django site."""

import os
from pathlib import Path

from flask import Flask, Response, jsonify

from benchmarks.context import USERNAME, Context
from flask_api.gate import Gatehouse, current_principal, login_required
from shared.settings import ApiSettings


def seed(context: Context) -> str:
    """Make the site's database and a person in it, log in, and return the Cookie header;
    principal and session are Django's."""
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
    user = User.objects.create_user(USERNAME, "ada@example.org")
    browser = Client()
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return f"sessionid={browser.cookies['sessionid'].value}"


def create_app(context_file: str, tuned: bool = False) -> Flask:
    """Return the application; there is nothing to tune."""
    del tuned
    context = Context.load(context_file)
    settings = {"session_secrets": context.session_secret, "api_redis_url": context.api_redis_url}
    app = Flask(__name__, static_folder=None)
    Gatehouse(app, settings=ApiSettings.model_validate(settings))

    @app.get("/gated")
    @login_required
    def gated() -> Response:
        return jsonify(username=current_principal().username)

    @app.get("/open")
    def ungated() -> Response:
        return jsonify(username=USERNAME)

    return app
