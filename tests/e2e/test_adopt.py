"""docs/adopt.md on a site freshly made by ``django-admin startproject``, with its own user model."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from deploy.valkey import EmbeddedValkey, new_passwords
from shared.settings import ROOT

PAGE = (ROOT / "docs/adopt.md").read_text()

SECRET = "adopted-session-secret-of-more-than-32-characters"

MODEL = """
from django.contrib.auth.models import AbstractUser

class Member(AbstractUser):
    pass
"""

LOG_IN = """
import django; django.setup()
from django.test import Client
from people.models import Member
Member.objects.create_user("ada", password="pw", is_staff=True)
client = Client()
assert client.post("/admin/login/?next=/admin/", {"username": "ada", "password": "pw"}).status_code == 302
assert client.get("/admin/").status_code == 200
print(client.cookies["sessionid"].value)
"""

DEACTIVATE = """
import django; django.setup()
from people.models import Member
member = Member.objects.get(username="ada")
member.is_active = False
member.save()
"""


class Adopted:
    """A Django project of somebody else's."""

    def __init__(self, folder: Path, valkey: EmbeddedValkey) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}:{ROOT}",
            "DJANGO_SETTINGS_MODULE": "theirs.settings",
            "GATEHOUSE_SESSION_SECRETS": SECRET,
            "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
        }

    def run(self, *arguments: str) -> str:
        """Run Python in the project and return what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


def _block(after: str) -> str:
    found = re.search(rf"{after}.*?```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found
    return found.group(1)


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """Their own server: their person 1 is not the person 1 of other tests."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), passwords=new_passwords()) as valkey:
        yield valkey


@pytest.fixture
def adopted(tmp_path: Path, own_valkey: EmbeddedValkey) -> Adopted:
    """A fresh project with its own user model, changed as the page says."""
    project = Adopted(tmp_path, own_valkey)
    project.run("-m", "django", "startproject", "theirs", ".", "--settings=django.conf.global_settings")
    project.run("manage.py", "startapp", "people")
    (tmp_path / "people/models.py").write_text(MODEL)
    settings = tmp_path / "theirs/settings.py"
    own = "\nINSTALLED_APPS += ['people']\nAUTH_USER_MODEL = 'people.Member'\nALLOWED_HOSTS = ['testserver']\n"
    settings.write_text(settings.read_text() + own + _block("## 2"))
    project.run("manage.py", "makemigrations", "people", "-v0")
    project.run("manage.py", "migrate", "-v0")
    return project


def test_adopted_site_and_flask_service_share_the_log_in(
    adopted: Adopted, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask's gate knows who logged in on the adopted site, and refuses them once they are deactivated there."""
    monkeypatch.setenv("GATEHOUSE_SESSION_SECRETS", SECRET)
    monkeypatch.setenv("GATEHOUSE_API_REDIS_URL", own_valkey.url("api"))
    app = _flask_service()
    cookie = adopted.run("-c", LOG_IN)
    client = app.test_client()
    client.set_cookie("sessionid", cookie)
    assert client.get("/whoami").json == {"username": "ada"}
    assert "ada" in adopted.run("manage.py", "whois", cookie)
    assert adopted.run("manage.py", "publish_principals").startswith("1 people: 0 published")
    adopted.run("-c", DEACTIVATE)
    assert client.get("/whoami").status_code == 401


def _flask_service() -> Flask:
    """The page's own Flask service, as written."""
    namespace: dict[str, object] = {"__name__": "service"}
    exec(_block("## 4"), namespace)
    app = namespace["app"]
    assert isinstance(app, Flask)
    return app
