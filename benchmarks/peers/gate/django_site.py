"""Django alone: a project freshly made by ``startproject``, a ``login_required`` view,
sessions in Redis by its cache engine.

Tuned: the database connection is kept between requests,
where startproject's settings open SQLite for each.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring.context import USERNAME, Context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PROJECT = "bench_project"
_SETTINGS = """
DEBUG = False
ALLOWED_HOSTS = ["*"]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": {url!r}}}}}
"""
_TUNED_SETTINGS = """
from bench_project.settings import *

DATABASES["default"]["CONN_MAX_AGE"] = None
"""
_URLS = """
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import path


@login_required
def gated(request):
    return JsonResponse({{"username": request.user.username}})


def ungated(request):
    return JsonResponse({{"username": {username!r}}})


urlpatterns = [path("gated", gated), path("open", ungated)]
"""


def seed(context: Context) -> str:
    """Make the project, its database and a person in it, log in by Django's own way,
    and return the Cookie header."""
    home = Path(context.folder, "django")
    home.mkdir()
    # In a process of its own: the command sets Django up without the project's settings.
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", _PROJECT, str(home)], check=True
    )
    project = home / _PROJECT
    with (project / "settings.py").open("a") as settings:
        settings.write(_SETTINGS.format(url=context.peer_redis_url))
    (project / "settings_tuned.py").write_text(_TUNED_SETTINGS)
    (project / "urls.py").write_text(_URLS.format(username=USERNAME))
    _set_up(context, "settings")
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    browser = Client()
    browser.force_login(User.objects.create_user(USERNAME))
    return f"sessionid={browser.cookies['sessionid'].value}"


def create_app(context_file: str, tuned: bool = False) -> "WSGIApplication":
    """Return the project's application."""
    _set_up(Context.load(context_file), "settings_tuned" if tuned else "settings")
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def _set_up(context: Context, settings: str) -> None:
    sys.path.insert(0, str(Path(context.folder, "django")))
    os.environ["DJANGO_SETTINGS_MODULE"] = f"{_PROJECT}.{settings}"
    import django

    django.setup()
