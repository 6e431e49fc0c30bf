"""docs/adopt.md on three sites freshly made by their own tools,
from the wheel and not from the checkout."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from tests.package.adopted import AdoptedSite, GatedService
from tests.package.environment import Environment

OWN_HOST = "ALLOWED_HOSTS = ['testserver']"

MEMBER = """
import uuid
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Members(BaseUserManager):
    def create_superuser(self, email, password):
        member = self.model(email=email, is_staff=True, is_superuser=True)
        member.set_password(password)
        member.save()
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "email"
    objects = Members()
"""

MAKE_ADMIN = """
from django.contrib.auth import get_user_model
call_command("migrate", verbosity=0)
get_user_model().objects.create_superuser({}, password="pw")
"""

CHECK_AND_PUBLISH = """
call_command("check", fail_level="WARNING")
call_command("publish_principals", verbosity=0)
"""

OLD_SESSION = """
client = Client()
client.cookies["sessionid"] = "{cookie}"
assert client.get("/admin/").status_code == 302
"""

LOG_IN = """
client = Client()
answer = client.post("/admin/login/?next=/admin/", {{"username": "{name}", "password": "pw"}})
assert answer.status_code == 302, answer.content
assert client.get("/admin/").status_code == 200
print(client.cookies["sessionid"].value)
"""

DEACTIVATE = """
from django.contrib.auth import get_user_model
person = get_user_model().objects.get()
person.is_active = False
person.save()
"""


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What both sides installed, and Wagtail."""
    return Environment(
        tmp_path_factory.mktemp("adopt") / "env", wheel, "site", "gate", also=["wagtail"]
    )


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """Their own server: their person 1 is not the person 1 of other tests."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), passwords=new_passwords()) as server:
        yield server


@pytest.fixture
def service(
    tmp_path: Path, environment: Environment, valkey: EmbeddedValkey
) -> Iterator[GatedService]:
    """The page's Flask service."""
    with GatedService(tmp_path / "service", environment, valkey) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, environment: Environment, valkey: EmbeddedValkey) -> AdoptedSite:
    """``django-admin startproject theirs``, nothing changed yet."""
    made = AdoptedSite(tmp_path, environment, valkey, settings="theirs.settings")
    made.run(
        "-m", "django", "startproject", "theirs", ".", "--settings=django.conf.global_settings"
    )
    return made


def _make(arguments: str) -> str:
    return MAKE_ADMIN.format(arguments)


def _log_in(name: str) -> str:
    return LOG_IN.format(name=name)


def test_default_site_with_old_sessions_and_flask_share_the_log_in(
    site: AdoptedSite, service: GatedService
) -> None:
    """Sessions of the database engine are anonymous afterwards;
    the next log-in is known to Flask until it is withdrawn."""
    settings = site.folder / "theirs/settings.py"
    settings.write_text(f"{settings.read_text()}\n{OWN_HOST}\n")
    old = site.script(_make("'ada'") + _log_in("ada")).split()[-1]
    site.adopt("theirs/settings.py")
    cookie = site.script(
        CHECK_AND_PUBLISH + OLD_SESSION.format(cookie=old) + _log_in("ada")
    ).split()[-1]
    assert service.ask(old)[0] == 401
    assert service.ask(cookie) == (200, {"username": "ada"})
    assert "ada" in site.script(f"call_command('whois', {cookie!r})" + DEACTIVATE)
    assert service.ask(cookie)[0] == 401


def test_site_with_uuid_keys_and_log_in_by_email_is_adopted(
    site: AdoptedSite, service: GatedService
) -> None:
    """A user model that shares nothing with Django's own but the base class."""
    (site.folder / "people").mkdir()
    (site.folder / "people/__init__.py").touch()
    (site.folder / "people/models.py").write_text(MEMBER)
    site.adopt(
        "theirs/settings.py",
        OWN_HOST,
        "INSTALLED_APPS += ['people']",
        "AUTH_USER_MODEL = 'people.Member'",
    )
    site.run("manage.py", "makemigrations", "people", "-v0")
    cookie = site.script(_make("'ada@example.org'") + _log_in("ada@example.org")).split()[-1]
    assert service.ask(cookie) == (200, {"username": "ada@example.org"})
    site.script(DEACTIVATE)
    assert service.ask(cookie)[0] == 401


def test_wagtail_site_is_adopted_with_its_permissions(
    tmp_path: Path, environment: Environment, valkey: EmbeddedValkey, service: GatedService
) -> None:
    """``wagtail start``, its own log-in page, and a permission of Wagtail's that a Flask view asks
    for."""
    site = AdoptedSite(tmp_path, environment, valkey, settings="theirs.settings.dev")
    site.run("-m", "wagtail.bin.wagtail", "start", "theirs", ".")
    site.adopt("theirs/settings/base.py")
    cookie = site.script(_make("'ada', 'ada@example.org'") + _log_in("ada")).split()[-1]
    assert service.ask(cookie) == (200, {"username": "ada"})
    assert "wagtailadmin.access_admin" in site.script(
        f"call_command('whois', {cookie!r})" + DEACTIVATE
    )
    assert service.ask(cookie)[0] == 401
