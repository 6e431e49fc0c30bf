"""Signed requests: what Django sends in a person's name, and nothing else, once.

Source: RFC 9421; OWASP ASVS 5.0: 9.1, 9.2 (self-contained tokens), 8.2.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_api.gate import Gatehouse, login_required
from flask_api.testing import People, new_principal
from shared.contract.entries import signed_request_entry, taken_request_entry
from shared.contract.signed_requests import (
    API_AUDIENCE,
    LIFETIME_S,
    SignedRequest,
    encode_request,
    new_token,
)
from shared.contract.signing import EntrySigner
from shared.job_ids import new_job_id
from shared.settings import ApiSettings

BODY = json.dumps({"task": "sample.echo", "arguments": {"value": 1}}).encode()


class Signing:
    """Signs requests as Django does, and spoils them."""

    def __init__(self, admin: redis.Redis, settings: ApiSettings, people: People) -> None:
        self._admin = admin
        self.people = people
        self.signer = EntrySigner(settings.secrets)
        self.person = people.add(new_principal())
        self.request = SignedRequest(
            audience=API_AUDIENCE,
            user_id=self.person.id,
            method="POST",
            target="/jobs",
            body=sha256(BODY).hexdigest(),
            size=len(BODY),
            job_id=new_job_id(),
            expires_at=int(time.time()) + LIFETIME_S,
        )

    def sign(self, *, signer: EntrySigner | None = None, token: str = "", **changes: Any) -> str:
        """Store a request that differs in ``changes``; return its token."""
        token = token or new_token()
        value = encode_request(signer or self.signer, token, replace(self.request, **changes))
        self._admin.set(signed_request_entry(token), value, ex=LIFETIME_S)
        return token


@pytest.fixture
def signing(admin: redis.Redis, api_settings: ApiSettings, writer: str) -> Iterator[Signing]:
    """A person in whose name requests are signed."""
    with People(api_settings, writer_url=writer) as people:
        yield Signing(admin, api_settings, people)


def send(
    client: FlaskClient, token: str, body: bytes = BODY, path: str = "/jobs", **more: Any
) -> TestResponse:
    """Send a request with this token."""
    headers = {"Authorization": f"Signed {token}", "Content-Type": "application/json"}
    method = more.pop("method", "POST")
    return client.open(path, method=method, data=body, headers=headers, **more)


def test_signed_request_is_taken_once(app: Flask, signing: Signing) -> None:
    """The job has the id that was signed; the same request a second time is nobody's."""
    client, token = app.test_client(), signing.sign()
    accepted = send(client, token)
    assert (accepted.status_code, accepted.get_json()["id"]) == (202, signing.request.job_id)
    assert send(client, token).status_code == 401
    again = send(client, signing.sign())
    assert (again.status_code, again.get_json()["id"]) == (202, signing.request.job_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": "reports"},
        {"method": "GET"},
        {"target": "/batches"},
        {"target": "/jobs?wait=5"},
        {"body": sha256(b"another").hexdigest()},
        {"size": len(BODY) + 1},
        {"expires_at": 1},
        {"user_id": "nobody"},
        {"job_id": "../../another"},
        {"signer": EntrySigner(["another-secret-of-more-than-32-characters"])},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_request_that_was_not_signed_so_is_refused(
    app: Flask, signing: Signing, changes: dict[str, Any]
) -> None:
    """Forged, expired, for another audience, or about another request: nobody's, and no job."""
    refused = send(app.test_client(), signing.sign(**changes))
    assert (refused.status_code, refused.get_json()["code"]) == (401, "not_authenticated")
    assert send(app.test_client(), signing.sign()).get_json()["id"] == signing.request.job_id


@pytest.mark.parametrize("sent", [BODY.replace(b"1", b"2"), BODY + b" ", BODY[:-1], b""])
def test_another_body_is_refused(app: Flask, signing: Signing, sent: bytes) -> None:
    """Not a byte of it is anybody else's to choose."""
    assert send(app.test_client(), signing.sign(), sent).status_code == 401


def test_entry_of_another_token_is_no_signature(
    app: Flask, signing: Signing, admin: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """A value that is copied under another name opens nothing; nor does what is no token."""
    caplog.set_level("INFO", "gatehouse.security")
    copied, known = new_token(), signing.sign()
    admin.set(signed_request_entry(copied), str(admin.get(signed_request_entry(known))))
    client = app.test_client()
    for token in (copied, new_token(), "gr_short", "", "*"):
        assert send(client, token).status_code == 401
    reasons = [vars(line).get("reason") for line in caplog.records]
    assert reasons == ["request_format", "request_absent", *3 * ["request_malformed"]]
    assert send(client, known).status_code == 202


def test_person_who_is_not_active_is_refused(app: Flask, signing: Signing) -> None:
    """The gate asks who it is now."""
    token = signing.sign()
    signing.people.add(replace(signing.person, is_active=False))
    assert send(app.test_client(), token).status_code == 401


def test_body_over_the_limit_is_refused_unread(app: Flask, signing: Signing) -> None:
    """Signed or not, more than the API takes is 413."""
    size = app.config["MAX_CONTENT_LENGTH"] + 1
    answer = app.test_client().post(
        "/jobs",
        headers={"Authorization": f"Signed {signing.sign(size=size)}"},
        environ_overrides={"wsgi.input": None, "CONTENT_LENGTH": str(size)},
    )
    assert answer.status_code == 413


def test_another_query_is_refused(app: Flask, signing: Signing) -> None:
    """The query is a part of what was signed."""
    asked: dict[str, Any] = {"method": "GET", "size": 0, "body": sha256(b"").hexdigest()}
    client = app.test_client()
    for path, status in (("/jobs", 200), ("/jobs?limit=1", 401)):
        assert send(client, signing.sign(**asked), b"", path, method="GET").status_code == status


def test_bad_token_beside_a_good_cookie_is_refused(app: Flask, ada: FlaskClient) -> None:
    """The credential is chosen before it is judged."""
    assert send(ada, new_token()).status_code == 401


def test_only_the_api_takes_signed_requests(
    app: Flask, api_settings: ApiSettings, signing: Signing
) -> None:
    """A service with the same gate has another audience; a proxy's question is no request."""
    service = Flask("service")
    Gatehouse(service, settings=api_settings)
    service.add_url_rule("/jobs", view_func=login_required(lambda: "in"), methods=["POST"])
    for audience in (API_AUDIENCE, ""):
        token = signing.sign(audience=audience)
        assert send(service.test_client(), token).status_code == 401
    asked = {"X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/jobs"}
    empty = signing.sign(size=0, body=sha256(b"").hexdigest())
    question = app.test_client().get("/auth", headers={**asked, "Authorization": f"Signed {empty}"})
    assert question.status_code == 401


def test_persons_own_key_never_takes_the_place_of_djangos(app: Flask, signing: Signing) -> None:
    """An Idempotency-Key that the person used before is another one."""
    client = app.test_client()
    client.set_cookie("sessionid", signing.people.new_session(signing.person))
    own = client.post(
        "/jobs", json={"task": "sample.echo"}, headers={"Idempotency-Key": "invoice-17"}
    )
    headers = {"Authorization": f"Signed {signing.sign()}", "Idempotency-Key": "invoice-17"}
    django = client.post("/jobs", data=BODY, content_type="application/json", headers=headers)
    assert (own.status_code, django.status_code) == (202, 202)
    assert own.get_json()["id"] != django.get_json()["id"]


def test_another_persons_job_of_that_id_stays(app: Flask, signing: Signing) -> None:
    """An id that names somebody else's job is refused, and tells nothing of it."""
    assert send(app.test_client(), signing.sign()).status_code == 202
    other = signing.people.add(new_principal("eve"))
    refused = send(app.test_client(), signing.sign(user_id=other.id))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "idempotency_conflict")


def test_what_is_kept_of_a_request_goes_by_itself(
    app: Flask, signing: Signing, admin: redis.Redis
) -> None:
    """Neither entry outlives its use."""
    token = signing.sign()
    assert send(app.test_client(), token).status_code == 202
    lives = [admin.ttl(name(token)) for name in (signed_request_entry, taken_request_entry)]
    assert 0 < lives[0] <= LIFETIME_S < lives[1]
