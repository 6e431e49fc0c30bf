"""Whatever stands in a session or a Cookie header, Flask's verdict is Django's."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contract.entries import session_entry

if TYPE_CHECKING:
    from django_site.accounts.models import User

pytestmark = pytest.mark.usefixtures("site")

# NIGHTLY_EXAMPLES=100000 for the long run; the suite's share is 2,000 in all.
EXAMPLES = int(os.environ.get("NIGHTLY_EXAMPLES", "1000"))
CHECKED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

KEY = "v" * 32
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def _django_says(cookie: str) -> str | None:
    """Who Django's own middleware and ``get_user`` say it is:
    the user's id, None for nobody, 'refused' for a 400."""
    from django.contrib.auth import get_user

    from django_site.sessions.middleware import GatehouseSessionMiddleware

    request = HttpRequest()
    request.META["HTTP_COOKIE"] = cookie
    answer = GatehouseSessionMiddleware(lambda request: None).process_request(request)  # type: ignore[arg-type]
    if answer is not None:
        return "refused" if answer.status_code == 400 else "unavailable"
    try:
        user: Any = get_user(request)
    except ValidationError:  # an id that is no number: Django's page is a 500, and nobody is let in
        return None
    return str(user.pk) if user.is_authenticated else None


def _flask_says(api: Flask, cookie: str) -> str | None:
    answer = api.test_client(use_cookies=False).get("/me", headers={"Cookie": cookie})
    if answer.status_code == 400:
        return "refused"
    assert answer.status_code in (200, 401), answer.text
    return str(answer.get_json()["id"]) if answer.status_code == 200 else None


@pytest.fixture
def person(new_person: "Callable[..., User]") -> "User":
    """Somebody who is here: their sessions are written past the engine."""
    from django_site.principals.publish import publish_with_session

    person = new_person()
    publish_with_session(person.pk)
    return person


def _store(data: dict[str, Any]) -> None:
    from django_site.contract import session_format, session_store
    from shared.contract.session import SessionRecord

    now = int(time.time())
    entry = session_entry(KEY)
    value = session_format().encode(
        entry, SessionRecord(data=data, created_at=now, expires_at=now + 600)
    )
    session_store().write(lambda client: client.set(entry, value, ex=600))


_text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@CHECKED
@given(data=st.data())
def test_flask_says_of_any_session_what_django_says(
    api: Flask, person: "User", data: st.DataObject
) -> None:
    """Sessions with the person's own marks, others', wrong ones and none, in every mix."""
    own = {
        "_auth_user_id": str(person.pk),
        "_auth_user_hash": person.get_session_auth_hash(),
        "_auth_user_backend": BACKEND,
    }
    strange = {
        "_auth_user_id": st.sampled_from(["0", "-1", "999999", str(person.pk + 1), ""]),
        "_auth_user_hash": _text
        | st.sampled_from(["", own["_auth_user_hash"][:-1], own["_auth_user_hash"].upper()]),
        "_auth_user_backend": _text | st.just("django.contrib.auth.backends.ModelBackend"),
    }
    session: dict[str, Any] = data.draw(st.dictionaries(_text, _text, max_size=2))
    for name, value in own.items():
        choice = data.draw(st.sampled_from(["own", "own", "own", "strange", "absent"]))
        if choice != "absent":
            session[name] = value if choice == "own" else data.draw(strange[name])
    _store(session)
    cookie = f"sessionid={KEY}"
    assert _flask_says(api, cookie) == _django_says(cookie)


@CHECKED
@given(data=st.data())
def test_flask_reads_any_cookie_header_as_django_does(
    api: Flask, person: "User", data: st.DataObject
) -> None:
    """Names, quotes, spaces, semicolons, doubles:
    both sides see the same person, nobody, or refuse."""
    _store(
        {
            "_auth_user_id": str(person.pk),
            "_auth_user_hash": person.get_session_auth_hash(),
            "_auth_user_backend": BACKEND,
        }
    )
    text = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
    part = st.one_of(
        st.just(f"sessionid={KEY}"),
        st.just(f'sessionid="{KEY}"'),
        st.just(f" sessionid = {KEY} "),
        st.sampled_from(
            [
                f"SESSIONID={KEY}",
                f"xsessionid={KEY}",
                f"sessionid={KEY}x",
                "sessionid=",
                "sessionid",
                f"={KEY}",
            ]
        ),
        text,
    )
    header = data.draw(
        st.lists(part, max_size=4).map(
            lambda parts: data.draw(st.sampled_from([";", "; ", ", "])).join(parts)
        )
    )
    assert _flask_says(api, header) == _django_says(header)
