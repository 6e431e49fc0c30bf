"""What a person does on the site, for tests of the accounts:
forms with their tokens, mails in files, an authenticator app."""

import re
import time
import uuid
from email import message_from_bytes
from email.message import Message
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from tests.waiting import wait_until

PASSWORD = "correct horse battery 9"  # long enough for the site's validators
_TOTP_PERIOD_S = 30
_TIME_FOR_A_STEP_S = 5


def browser(**extra: Any) -> Client:
    """Return a client without cookies that sends forms as a browser does,
    cross-site check included."""
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost", **extra)


def new_person(**fields: Any) -> Any:
    """Create a person with a verified e-mail address and PASSWORD;
    the name is unique in this run."""
    from allauth.account.models import EmailAddress

    from django_site.accounts.models import User

    name = fields.pop("username", f"person-{uuid.uuid4().hex[:12]}")
    person = User.objects.create(
        username=name, email=f"{name}@example.org".lower(), password=_password_hash(), **fields
    )
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


@cache
def _password_hash() -> str:
    """Hash PASSWORD once: it is slow on purpose."""
    return make_password(PASSWORD)


def post(client: Client, path: str, data: dict[str, str] | None = None, **extra: Any) -> Any:
    """Send the form of the page at ``path``, as a browser that loaded the page first."""
    client.get("/accounts/login/" if "csrftoken" not in client.cookies else "/")
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    return client.post(path, {**(data or {}), "csrfmiddlewaretoken": token}, **extra)


def log_in(
    client: Client,
    person: Any,
    *,
    password: str = PASSWORD,
    path: str = "/accounts/login/",
    **extra: Any,
) -> Any:
    """Log ``person`` in through the page and return the answer."""
    return post(client, path, {"login": person.get_username(), "password": password}, **extra)


def is_logged_in(client: Client) -> bool:
    """Tell whether the home page knows who this is."""
    return "Hello," in client.get("/").content.decode()


def mails_to(address: str) -> list[Message]:
    """Return the mails to ``address``, oldest first."""
    files = sorted(settings.EMAIL_FILE_PATH.glob("*"), key=lambda file: file.stat().st_mtime_ns)
    mails = [
        message_from_bytes(part)
        for file in files
        for part in re.split(rb"\n-{79}\n", file.read_bytes())
        if part.strip()
    ]
    return [mail for mail in mails if mail["To"] == address]


def link_in(mail: Message) -> str:
    """Return the path of the first link in a mail."""
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    found = re.search(r"https?://localhost(/\S+)", text.decode())
    assert found, text
    return found[1]


def totp_code(secret: str) -> str:
    """Return the authenticator app's code of now,
    with some seconds left in which it is accepted."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    wait_until(
        lambda: time.time() % _TOTP_PERIOD_S < _TOTP_PERIOD_S - _TIME_FOR_A_STEP_S,
        timeout_s=_TIME_FOR_A_STEP_S + 1,
    )
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // _TOTP_PERIOD_S)))
