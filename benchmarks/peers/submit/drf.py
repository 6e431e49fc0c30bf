"""Django REST framework: a view with session authentication, a serializer and a permission,
that enqueues on RQ.

The project is made by ``startproject``; sessions are in Redis by Django's cache engine, people in
SQLite, whose connection is kept between requests.
A submit is checked for CSRF, as the framework does for a session.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring.context import USERNAME, Context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PATH = "/jobs"
_PROJECT = "bench_drf"
_CSRF = "c" * 32
_SETTINGS = """
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS += ["rest_framework"]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": {url!r}}}}}
DATABASES["default"]["CONN_MAX_AGE"] = None
RQ_URL = {url!r}
REST_FRAMEWORK = {{
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}}
"""
_URLS = """
import redis
from django.conf import settings
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView
from rq import Queue

QUEUE = Queue("submit", connection=redis.Redis.from_url(settings.RQ_URL))


class Arguments(serializers.Serializer):
    number = serializers.IntegerField()


class JobRequest(serializers.Serializer):
    task = serializers.ChoiceField(["bench.nothing"])
    arguments = Arguments()


class Jobs(APIView):
    def post(self, request):
        wanted = JobRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        arguments = wanted.validated_data["arguments"]
        job = QUEUE.enqueue("benchmarks.measuring.job_tasks.do_nothing", kwargs=dict(arguments), meta={"owner": request.user.pk})
        return Response({"id": job.id, "status": job.get_status(refresh=False), "owner": request.user.username}, status=202)


urlpatterns = [path("jobs", Jobs.as_view())]
"""


def seed(context: Context) -> str:
    """Make the project, its database and a person in it, log in, and return the Cookie header."""
    home = Path(context.folder, "drf")
    home.mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", _PROJECT, str(home)], check=True
    )
    with (home / _PROJECT / "settings.py").open("a") as settings:
        settings.write(_SETTINGS.format(url=context.peer_redis_url))
    (home / _PROJECT / "urls.py").write_text(_URLS)
    _set_up(context)
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    browser = Client()
    browser.force_login(User.objects.create_user(USERNAME))
    return f"sessionid={browser.cookies['sessionid'].value}; csrftoken={_CSRF}"


def create_app(context_file: str, tuned: bool = False) -> "WSGIApplication":
    """Return the project's application."""
    del tuned
    _set_up(Context.load(context_file))
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def body(*, begins: bool = True) -> dict[str, object]:
    """Return a body that submits one job; whether it begins is for a worker to say."""
    del begins
    return {"task": "bench.nothing", "arguments": {"number": 1}}


def headers(cookie: str) -> dict[str, str]:
    """Return what a page sends beside the cookie."""
    del cookie
    return {"X-CSRFToken": _CSRF}


def _set_up(context: Context) -> None:
    sys.path.insert(0, str(Path(context.folder, "drf")))
    os.environ["DJANGO_SETTINGS_MODULE"] = f"{_PROJECT}.settings"
    import django

    django.setup()
