"""API keys at the gate: what works, and what is refused just as no credential is.

Source: OWASP ASVS 5.0: 6.3.8, 7.4.2, 9.2.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import redis
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.api_keys import KeyRecord, encode_key, new_key
from shared.contract.authentication import Refusal
from shared.contract.entries import digest, key_entry
from shared.contract.signing import EntrySigner
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import admin_of, ask

if TYPE_CHECKING:
    from django_site.accounts.models import User
    from django_site.keys.models import ApiKey

pytestmark = pytest.mark.usefixtures("site")

ANOTHER_SECRET = "another-secret-of-more-than-32-characters"


class Issued:
    """A key of a person, made as the page makes it, and ways to spoil what Redis holds of it."""

    def __init__(self, admin: redis.Redis, settings: ApiSettings, person: "User") -> None:
        from django_site.keys.issue import create_key

        self.person = person
        self.row, self.token = create_key(
            person, name="test", scopes=["jobs:read", "tasks:primes.sum"], expires_in_days=1
        )
        self._admin = admin
        self._signer = EntrySigner(settings.secrets)
        self.record = KeyRecord(
            id=str(self.row.pk),
            user_id=str(person.pk),
            name="test",
            scopes=frozenset({"jobs:read"}),
            expires_at=int(time.time()) + 600,
        )

    def store(self, record: KeyRecord, *, signer: EntrySigner | None = None) -> None:
        """Replace the entry by this record."""
        self._admin.set(
            key_entry(self.token),
            encode_key(signer or self._signer, digest(self.token), record),
            ex=600,
        )

    def store_text(self, text: str) -> None:
        """Replace the entry by this text."""
        self._admin.set(key_entry(self.token), text, ex=600)

    def stored(self) -> str:
        """Return what the entry holds."""
        return str(self._admin.get(key_entry(self.token)))


@pytest.fixture
def issued(valkey: EmbeddedValkey, api_settings: ApiSettings, person: "User") -> Iterator[Issued]:
    """A key that works."""
    with admin_of(valkey) as admin:
        yield Issued(admin, api_settings, person)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_key_made_on_the_page_is_its_person_within_its_scopes(api: Flask, issued: Issued) -> None:
    """It reads, it submits the task it names and no other, and it says what it is."""
    headers = _bearer(issued.token)
    me = ask(api, "/api/me", headers=headers).get_json()
    assert me["username"] == issued.person.username
    assert me["credential"] == {
        "kind": "key",
        "name": "test",
        "scopes": ["jobs:read", "tasks:primes.sum"],
    }
    wanted = {"task": "primes.sum", "arguments": {"limit": 10}}
    other = {"task": "primes.check", "arguments": {"numbers": [7]}}
    assert (
        ask(api, "/api/jobs?wait=30", method="POST", headers=headers, json=wanted).get_json()[
            "result"
        ]
        == 17
    )
    refused = ask(api, "/api/jobs", method="POST", headers=headers, json=other)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "permission_denied")
    assert ask(api, "/api/jobs", headers=headers).status_code == 200


def test_key_needs_no_same_origin(api: Flask, issued: Issued) -> None:
    """A key is sent on purpose: no page of another site can make a browser send it."""
    headers = {
        **_bearer(issued.token),
        "Sec-Fetch-Site": "cross-site",
        "Origin": "https://elsewhere.example",
    }
    body = {"task": "primes.sum", "arguments": {"limit": 10}}
    assert ask(api, "/api/jobs", method="POST", headers=headers, json=body).status_code == 202


@pytest.mark.parametrize("scheme", ["Basic", "Token", "ApiKey", ""])
def test_key_under_another_scheme_is_refused(api: Flask, issued: Issued, scheme: str) -> None:
    """A key counts as ``Bearer`` only: one way to send it,
    one way to find it in logs and proxies."""
    assert (
        ask(api, "/api/me", headers={"Authorization": f"{scheme} {issued.token}"}).status_code
        == 401
    )


def _expire(issued: Issued) -> None:
    issued.store(replace(issued.record, expires_at=int(time.time()) - 1))


def _forge(issued: Issued) -> None:
    issued.store(issued.record, signer=EntrySigner([ANOTHER_SECRET]))


def _copy(issued: Issued) -> None:
    other = new_key()
    value = issued.stored()
    issued.token = other
    issued.store_text(value)


def _deactivate(issued: Issued) -> None:
    issued.person.is_active = False
    issued.person.save()


def _revoke(issued: Issued) -> None:
    from django_site.keys.issue import revoke_keys
    from django_site.keys.models import ApiKey

    rows: Any = ApiKey.objects.filter(pk=issued.row.pk)
    assert revoke_keys(rows, by=issued.person) == 1


def _misspell(issued: Issued) -> None:
    last = "a" if issued.token[-1] != "a" else "b"
    issued.store_text(issued.stored())
    issued.token = issued.token[:-1] + last


SPOILED: dict[str, tuple[Callable[[Issued], object], Refusal]] = {
    "expired": (_expire, Refusal.KEY_FORMAT),
    "signed with another secret": (_forge, Refusal.KEY_FORMAT),
    "copied under another key": (_copy, Refusal.KEY_FORMAT),
    "not JSON": (lambda issued: issued.store_text("gibberish"), Refusal.KEY_FORMAT),
    "truncated": (lambda issued: issued.store_text(issued.stored()[:-1]), Refusal.KEY_FORMAT),
    "wrong checksum": (_misspell, Refusal.KEY_MALFORMED),
    "revoked": (_revoke, Refusal.KEY_ABSENT),
    "person deactivated": (_deactivate, Refusal.PRINCIPAL_INACTIVE),
    "person deleted": (lambda issued: issued.person.delete(), Refusal.KEY_ABSENT),
    "of nobody": (
        lambda issued: issued.store(replace(issued.record, user_id="999999")),
        Refusal.PRINCIPAL_ABSENT,
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILED.values(), ids=SPOILED.keys())
def test_spoiled_key_is_refused_like_no_credential(
    api: Flask,
    issued: Issued,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Issued], object],
    reason: Refusal,
) -> None:
    """On the very next request, with the answer that everybody gets;
    the log has the reason and never the key."""
    expected = ask(api, "/api/me")
    assert ask(api, "/api/me", headers=_bearer(issued.token)).status_code == 200
    spoil(issued)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        answer = ask(api, "/api/me", headers=_bearer(issued.token))
    assert (answer.status_code, answer.data, dict(answer.headers)) == (
        401,
        expected.data,
        dict(expected.headers),
    )
    lines = [vars(record) for record in caplog.records if "credential" in vars(record)]
    assert [str(line["reason"]) for line in lines] == [reason]
    assert issued.token not in str(lines)


def test_key_outlives_its_persons_log_out_but_not_their_password(
    api: Flask, issued: Issued
) -> None:
    """A key is not a session; but whoever had the password for a minute must not keep a door."""
    issued.person.save()
    assert ask(api, "/api/me", headers=_bearer(issued.token)).status_code == 200
    issued.person.set_password("another password that is long")
    issued.person.save()
    assert ask(api, "/api/me", headers=_bearer(issued.token)).status_code == 401


def test_only_the_hash_of_a_key_is_kept(issued: Issued, valkey: EmbeddedValkey) -> None:
    """Neither the database row nor any name or value in Redis holds the key."""
    row: ApiKey = issued.row
    assert issued.token not in str(vars(row))
    with admin_of(valkey) as admin:
        names = [name.decode() for name in admin.scan_iter(match="gatehouse:key*")]
    assert not any(issued.token in name for name in names)
    assert issued.token not in issued.stored()
