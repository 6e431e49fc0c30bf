"""/account/keys/ for the command-line client: log in by the form, then JSON."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.api_keys import is_key
from tests.integration.conftest import PASSWORD
from tests.integration.keys.keys_site import grow_old, hanging, identify, is_refused, keys_of

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

PAGE = "/account/keys/"
WANTED = {"name": "laptop", "scopes": ["jobs:read", "tasks:primes.sum"], "expires_in_days": 10}


class Program:
    """What a command-line client does: the log-in form, then JSON with the cross-site token."""

    def __init__(self) -> None:
        from django.test import Client

        self.client = Client(enforce_csrf_checks=True)
        self.client.get("/accounts/login/")

    @property
    def token(self) -> str:
        """The cookie's cross-site token."""
        return self.client.cookies["csrftoken"].value

    def log_in(self, person: "User") -> None:
        """Send the log-in form."""
        form = {"login": person.username, "password": PASSWORD, "csrfmiddlewaretoken": self.token}
        assert self.client.post("/accounts/login/", form).status_code == 302

    def post(self, body: Any) -> Any:
        """Ask for a key; a str or bytes is sent as it is."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(
            PAGE, data, content_type="application/json", headers={"x-csrftoken": self.token}
        )

    def listing(self) -> Any:
        """Ask for the list."""
        return self.client.get(PAGE, headers={"accept": "application/json"})

    def delete(self, key_id: object) -> Any:
        """Revoke."""
        return self.client.delete(f"{PAGE}{key_id}/", headers={"x-csrftoken": self.token})


@pytest.fixture
def program(site: None, person: "User") -> Program:
    """A program logged in as ``person``."""
    program = Program()
    program.log_in(person)
    return program


def code_of(answer: Any, status: int) -> str:
    """The code of a problem."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == f"/api/problems/{body['code']}"
    return str(body["code"])


def test_program_makes_lists_and_revokes_a_key(program: Program, person: "User") -> None:
    """The secret is in the first answer only."""
    answer = program.post(WANTED)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() == {
        "id",
        "name",
        "scopes",
        "created_at",
        "last_used_at",
        "expires_at",
        "key",
    }
    assert is_key(made["key"])
    assert identify(made["key"]).principal.id == str(person.pk)
    left = datetime.fromisoformat(made["expires_at"]) - timezone.now()
    assert abs(left - timedelta(days=10)) < timedelta(minutes=1)
    listed = program.listing()
    assert listed.json() == {
        "keys": [{name: value for name, value in made.items() if name != "key"}]
    }
    assert program.delete(made["id"]).status_code == 204
    assert is_refused(made["key"])
    assert program.listing().json() == {"keys": []}
    assert code_of(program.delete(made["id"]), 404) == "key_not_found"


def test_fields_left_out_have_defaults(program: Program, person: "User") -> None:
    """No scopes, ninety days."""
    assert program.post({"name": "a"}).json()["scopes"] == []
    assert 89 <= (keys_of(person)[0].expires_at - timezone.now()).days <= 90


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**WANTED, "name": None}, "/name"),
        ({**WANTED, "name": 5}, "/name"),
        ({**WANTED, "name": " "}, "/name"),
        ({**WANTED, "name": "a\u0000"}, "/name"),
        ({**WANTED, "name": "a\u001b[31m"}, "/name"),
        ({**WANTED, "name": "x" * 101}, "/name"),
        ({"scopes": []}, "/name"),
        ({**WANTED, "scopes": "jobs:read"}, "/scopes"),
        ({**WANTED, "scopes": ["jobs:read", 7]}, "/scopes/1"),
        ({**WANTED, "scopes": ["jobs:everything"]}, "/scopes"),
        ({**WANTED, "scopes": ["tasks:a"] * 5000}, "/scopes"),
        ({**WANTED, "expires_in_days": 0}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": -1}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": 366}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": 10**40}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": 1.5}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": True}, "/expires_in_days"),
        ({**WANTED, "expires_in_days": "30"}, "/expires_in_days"),
        ({**WANTED, "user": 1}, "/user"),
        ({**WANTED, "tasks": "primes.sum"}, "/tasks"),
        ({**WANTED, "a/b~": 1}, "/a~1b~0"),
        ([], ""),
        (7, ""),
    ],
)
def test_wrong_field_is_named_by_a_pointer(
    program: Program, person: "User", body: Any, pointer: str
) -> None:
    """422, and nothing is made."""
    answer = program.post(body)
    assert code_of(answer, 422) == "invalid_arguments"
    assert pointer in [line["pointer"] for line in answer.json()["errors"]]
    assert keys_of(person) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        (" ", 400),
        (b"\xff\xfe", 400),
        ("[" * 30_000, 400),
        ('{"name": "\\ud800"}', 400),
        ('{"name": "a", "expires_in_days": NaN}', 422),
        ('{"name": "a", "expires_in_days": ' + "9" * 6000 + "}", 400),
        (" " * 70_000, 413),
        (" " * 3_000_000, 413),
    ],
)
def test_unreadable_body_is_refused(
    program: Program, person: "User", body: str | bytes, status: int
) -> None:
    """Never a 5xx."""
    code_of(program.post(body), status)
    assert keys_of(person) == []


def test_ten_thousand_wrong_scopes_get_a_short_answer(program: Program) -> None:
    """The errors are counted out, not poured out."""
    answer = program.post({**WANTED, "scopes": [1] * 10_000})
    assert code_of(answer, 422) == "invalid_arguments"
    assert len(answer.content) < 5_000


def test_too_many_keys_are_409(program: Program, person: "User") -> None:
    """The request is right, the state is not."""
    from django_site.keys.issue import MAX_LIVE, create_key

    for _ in range(MAX_LIVE):
        create_key(person, name="a", scopes=[], expires_in_days=1)
    assert code_of(program.post(WANTED), 409) == "too_many_keys"


def test_old_log_in_is_401_with_its_own_code(program: Program, person: "User") -> None:
    """The program asks for the password again."""
    grow_old(program.client)
    assert code_of(program.post(WANTED), 401) == "recent_login_required"
    assert keys_of(person) == []
    assert program.listing().status_code == 200


def test_who_is_not_logged_in_gets_401(site: None) -> None:
    """With the cross-site token or without, in every method."""
    program = Program()
    for answer in (program.post(WANTED), program.listing(), program.delete(1)):
        assert code_of(answer, 401) == "not_authenticated"
    program.client.cookies.clear()
    bare = program.client.post(PAGE, "{}", content_type="application/json")
    assert code_of(bare, 401) == "not_authenticated"


def test_logged_in_without_the_cross_site_token_is_403(program: Program, person: "User") -> None:
    """Another site can't make a key with the person's cookie."""
    answer = program.client.post(PAGE, json.dumps(WANTED), content_type="application/json")
    assert code_of(answer, 403) == "csrf_failed"
    assert code_of(program.client.delete(f"{PAGE}1/"), 403) == "csrf_failed"
    assert keys_of(person) == []


def test_json_sent_as_text_is_no_json(program: Program, person: "User") -> None:
    """What another site's form can send unasked is read as a form."""
    answer = program.client.post(
        PAGE, json.dumps(WANTED), content_type="text/plain", headers={"x-csrftoken": program.token}
    )
    assert answer.status_code == 422
    assert keys_of(person) == []


def test_someone_elses_key_is_404(program: Program, new_person: "Callable[..., User]") -> None:
    """Alike to one that never was."""
    from django_site.keys.issue import create_key

    key, token = create_key(new_person(), name="x", scopes=[], expires_in_days=1)
    theirs, never = program.delete(key.pk), program.delete(10**30)
    assert code_of(theirs, 404) == "key_not_found"
    assert theirs.content == never.content
    assert not is_refused(token)


def test_outage_is_503_and_nothing_is_made(
    program: Program, person: "User", valkey: EmbeddedValkey
) -> None:
    """With Retry-After, and the session lives on."""
    with hanging(valkey):
        answer = program.post(WANTED)
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert keys_of(person) == []
    assert program.post(WANTED).status_code == 201


def test_browser_gets_the_page_and_a_program_json(logged_in: "Client") -> None:
    """By what they accept; who doesn't care gets the page."""
    for accept, kind in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("nonsense;;q=x", "text/html; charset=utf-8"),
    ]:
        answer = logged_in.get(PAGE, headers={"accept": accept})
        assert answer["Content-Type"] == kind, accept


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": [0] * 15_000},
        {"name": "x", **{str(number): 0 for number in range(5_000)}},
    ],
)
def test_many_wrong_members_are_refused_by_the_first_of_them(
    program: Program, body: dict[str, Any]
) -> None:
    """No more errors are made than are shown."""
    answer = program.post(body)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) <= 20
    assert "/name" not in {line["pointer"] for line in answer.json()["errors"]}
