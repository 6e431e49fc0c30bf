"""The decorators on somebody else's Flask application:
each requirement, by session and by key, alone and stacked."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import redis
from flask import Blueprint, Flask

from deploy.redis.valkey import EmbeddedValkey
from flask_api.gate.extension import Gatehouse, current_principal
from flask_api.gate.requirements import (
    email_verified_required,
    login_required,
    permission_required,
    recent_login_required,
    scope_required,
    staff_required,
    user_passes_test,
)
from flask_api.gate.state import gate_state
from flask_api.testing import People, new_principal
from shared.contract.entries import key_used_entry
from shared.settings import ApiSettings

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

PERMISSION = "accounts.view_user"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def service(api_settings: ApiSettings) -> Iterator[Flask]:
    """An application that is not ours: one open view, the others gated."""
    app = Flask("theirs")
    Gatehouse(app, settings=api_settings)
    views = Blueprint("views", __name__)
    app.add_url_rule("/open", view_func=lambda: "open")
    gates: dict[str, Callable[[Callable[[], str]], Callable[[], str]]] = {
        "login": login_required,
        "permission": permission_required(PERMISSION),
        "test": user_passes_test(
            lambda principal: principal.username.endswith("0"), reason="Names end in 0 here."
        ),
        "email": email_verified_required,
        "staff": staff_required,
        "scope": scope_required("jobs:read"),
        "recent": recent_login_required(
            max_age_s=60, clock=lambda: time.time() + app.config.get("LATER_S", 0)
        ),
        "stacked": lambda view: login_required(
            staff_required(permission_required(PERMISSION)(view))
        ),
    }
    for name, gate in gates.items():
        views.add_url_rule(
            f"/{name}", endpoint=name, view_func=gate(lambda: current_principal().username)
        )
    app.register_blueprint(views)
    yield app
    gate_state(app).store.close()


@pytest.fixture
def new_api_key(valkey: EmbeddedValkey, api_settings: ApiSettings) -> Iterator[Callable[..., str]]:
    """A function that publishes a key of a person with given scopes, as the site does."""
    with People(api_settings, writer_url=valkey.url("django")) as people:
        yield lambda person, *scopes: people.new_api_key(
            new_principal(id=str(person.pk)), scopes=scopes
        )


@pytest.fixture
def ask(service: Flask, logged_in: "Client") -> Callable[..., int]:
    """A function that asks the service with the person's cookie and returns the status."""
    client = service.test_client()
    client.set_cookie("sessionid", logged_in.cookies["sessionid"].value)
    return lambda path, **headers: client.get(path, headers=headers).status_code


def test_open_view_asks_nobody(service: Flask) -> None:
    """The extension gates only what is decorated."""
    assert service.test_client().get("/open").status_code == 200


@pytest.mark.parametrize(
    "path", ["/login", "/permission", "/test", "/email", "/staff", "/scope", "/recent", "/stacked"]
)
def test_every_requirement_refuses_nobody_with_401(service: Flask, path: str) -> None:
    """Who is not identified is asked to log in, whatever else is required."""
    answer = service.test_client().get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert service.test_client().get(path, headers=PAGE).status_code == 302


def test_person_without_privileges_gets_403_with_what_is_missing(
    service: Flask, logged_in: "Client", person: "User"
) -> None:
    """403 as problem+json that names the requirement, and a page for a browser."""
    forget_address(person)
    client = service.test_client()
    client.set_cookie("sessionid", logged_in.cookies["sessionid"].value)
    for path, said in {
        "/permission": PERMISSION,
        "/staff": "staff",
        "/email": "e-mail",
        "/stacked": "staff",
    }.items():
        answer = client.get(path)
        assert answer.status_code == 403
        assert said in answer.get_json()["detail"]
    assert "text/html" in client.get("/staff", headers=PAGE).headers["Content-Type"]


def test_permission_counts_from_the_next_request_and_ends_with_it(
    ask: Callable[..., int], person: "User"
) -> None:
    """Given and taken on Django's side, obeyed on Flask's at once; a stack wants all of it."""
    from django.contrib.auth.models import Permission

    permission = Permission.objects.get(codename="view_user")
    person.user_permissions.add(permission)
    assert (ask("/permission"), ask("/stacked")) == (200, 403)
    person.is_staff = True
    person.save()
    assert (ask("/staff"), ask("/stacked")) == (200, 200)
    person.user_permissions.remove(permission)
    assert (ask("/permission"), ask("/stacked")) == (403, 403)


def test_verified_address_opens_what_needs_one(ask: Callable[..., int], person: "User") -> None:
    """A browser is sent to verify it; then it counts at once."""
    from allauth.account.models import EmailAddress

    forget_address(person)
    assert ask("/email", **PAGE) == 302
    address, _ = EmailAddress.objects.update_or_create(
        user=person, email=person.email, defaults={"verified": True, "primary": True}
    )
    assert ask("/email") == 200
    address.delete()
    assert ask("/email") == 403


def forget_address(person: "User") -> None:
    """Let the person have proved no address."""
    from allauth.account.models import EmailAddress

    for address in EmailAddress.objects.filter(user=person):
        address.delete()


def test_old_log_in_must_be_renewed(
    service: Flask, ask: Callable[..., int], logged_in: "Client"
) -> None:
    """RFC 9470: 401 with the age that is accepted; a browser is sent to confirm who it is."""
    assert ask("/recent") == 200
    service.config["LATER_S"] = 120
    client = service.test_client()
    client.set_cookie("sessionid", logged_in.cookies["sessionid"].value)
    answer = client.get("/recent")
    assert answer.status_code == 401
    assert (
        answer.headers["WWW-Authenticate"]
        == 'Bearer error="insufficient_user_authentication", max_age="60"'
    )
    assert "reason=recent_login_required" in client.get("/recent", headers=PAGE).headers["Location"]


def test_key_opens_what_its_scopes_and_person_allow(
    service: Flask, person: "User", new_api_key: Callable[..., str], logged_in: "Client"
) -> None:
    """A key is its person, narrowed by scopes; it can't step up."""
    client = service.test_client()
    reader = {"Authorization": f"Bearer {new_api_key(person, 'jobs:read')}"}
    other = {"Authorization": f"Bearer {new_api_key(person, 'jobs:submit')}"}
    assert client.get("/login", headers=reader).text == person.username
    assert client.get("/scope", headers=reader).status_code == 200
    assert client.get("/scope", headers=other).status_code == 403
    assert client.get("/recent", headers=reader).status_code == 403
    assert client.get("/staff", headers=reader).status_code == 403


def test_use_of_a_key_is_noted_once_a_minute(
    service: Flask,
    person: "User",
    new_api_key: Callable[..., str],
    valkey: EmbeddedValkey,
    logged_in: "Client",
) -> None:
    """Its person can see when it was last used;
    the gate writes it after the answer, and not on every request."""
    token = new_api_key(person, "jobs:read")
    with redis.Redis.from_url(valkey.url("admin"), decode_responses=True) as admin:
        identity = gate_state(service).guards.identify_key(token)
        assert identity.key is not None
        service.test_client().get("/login", headers={"Authorization": f"Bearer {token}"}).close()
        noted = admin.get(key_used_entry(identity.key.id))
        assert noted is not None
        assert abs(int(str(noted)) - time.time()) < 5
        admin.delete(key_used_entry(identity.key.id))
        service.test_client().get("/login", headers={"Authorization": f"Bearer {token}"}).close()
        assert admin.get(key_used_entry(identity.key.id)) is None
