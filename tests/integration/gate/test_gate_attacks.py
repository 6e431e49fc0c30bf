"""What the gate must refuse, all of it alike:
the client learns nothing, the security log learns why.

Source: OWASP ASVS 5.0: 1.5.2, 1.5.3, 6.3.8, 7.2, 7.3.2, 7.4.2, 9.2.
"""

import logging
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.authentication import Refusal
from shared.contract.entries import session_entry
from tests.integration.gate.forging import Forge, Touch
from tests.integration.gate.gate_bench import Visitor, admin_of, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

Prepare = Callable[[Forge, Visitor], str]
SEED = 20_261_120
ANOTHER_SECRET = "another-secret-of-more-than-32-characters"


@pytest.fixture
def forge(valkey: EmbeddedValkey, api_settings: Any) -> Iterator[Forge]:
    """Writes past the engine."""
    with admin_of(valkey) as admin:
        yield Forge(admin, api_settings)


def seen_by_client(answer: TestResponse) -> tuple[int, bytes, dict[str, str]]:
    """Return all that a client gets: nothing in it may differ between refusals."""
    return answer.status_code, answer.data, dict(answer.headers)


def refusal_of(app: Flask, cookie: str | None, caplog: pytest.LogCaptureFixture) -> str:
    """Send the cookie, check that it is refused just as no cookie is,
    and return the logged reason."""
    expected = seen_by_client(ask(app, "/api/me"))
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        answer = ask(app, "/api/me", cookie=cookie)
    assert answer.status_code == 401
    assert seen_by_client(answer) == expected
    assert "Set-Cookie" not in answer.headers
    lines = [record for record in caplog.records if record.name == "gatehouse.security"]
    assert len(lines) == 1
    if cookie:
        assert all(cookie not in str(vars(record)) for record in caplog.records)
    return str(vars(lines[0])["reason"])


MALFORMED = {
    "another program's entry": "rq:job:x",
    "our own jobs": "gatehouse:jobs:record:1",
    "path": "../" * 10 + "etc",
    "empty": "",
    "upper case": "A" * 32,
    "too short": "a" * 31,
    "too long": "a" * 33,
    "a megabyte": "a" * 1_000_000,
    "quoted": f'"{"a" * 32}"',
    "spaces within": "a" * 15 + "  " + "a" * 15,
    "other script's digits": "\u0661" * 32,
    "zero byte": "a" * 31 + "\0",
    "glob": "*" * 32,
}


@pytest.mark.parametrize("cookie", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_key_never_reaches_redis(
    api: Flask, forge: Forge, caplog: pytest.LogCaptureFixture, cookie: str
) -> None:
    """What Django never made is refused without a question to Redis."""
    sent = cookie.encode().decode("latin-1")  # as a server hands raw bytes to the application
    before = forge.admin.info("commandstats").get("cmdstat_get", {}).get("calls", 0)
    assert refusal_of(api, sent, caplog) == Refusal.SESSION_KEY_MALFORMED
    assert forge.admin.info("commandstats").get("cmdstat_get", {}).get("calls", 0) == before


def test_no_cookie_is_the_answer_all_others_look_like(
    api: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason in the log says that nothing was sent."""
    assert refusal_of(api, None, caplog) == Refusal.NO_CREDENTIAL


def _unknown(forge: Forge, visitor: Visitor) -> str:
    return forge.new_key()


def _forged(forge: Forge, visitor: Visitor) -> str:
    head = forge.value_of(visitor.cookie).rpartition(b":")[0]
    return forge.put(head + b":" + b"A" * 43, key=visitor.cookie)


def _unsigned(forge: Forge, visitor: Visitor) -> str:
    return forge.put('{"v": 1, "data": {"_auth_user_id": "1"}}', key=visitor.cookie)


def _truncated(forge: Forge, visitor: Visitor) -> str:
    return forge.put(forge.value_of(visitor.cookie)[:-1], key=visitor.cookie)


def _emptied(forge: Forge, visitor: Visitor) -> str:
    return forge.put("", key=visitor.cookie)


def _copied(forge: Forge, visitor: Visitor) -> str:
    return forge.put(forge.value_of(visitor.cookie))


def _signed_as(*, secret: str | None = None, salt: str | None = None, age_s: float = 0) -> Prepare:
    def prepare(forge: Forge, visitor: Visitor) -> str:
        key = forge.new_key()
        payload = forge.payload(forge.data_of(visitor.cookie))
        right_salt = f"gatehouse.entry.v1:{session_entry(key)}"
        value = forge.signed(
            payload, secret=secret or forge.secrets[0], salt=salt or right_salt, age_s=age_s
        )
        return forge.put(value, key=key)

    return prepare


def _django_secret(forge: Forge, visitor: Visitor) -> str:
    from django.conf import settings

    return _signed_as(secret=settings.SECRET_KEY)(forge, visitor)


def _signature_too_old(forge: Forge, visitor: Visitor) -> str:
    return _signed_as(age_s=forge.lifetimes.absolute_s + 60)(forge, visitor)


def _past_idle(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record(forge.data_of(visitor.cookie), created_ago_s=100, expires_in_s=-1)


def _past_absolute(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record(
        forge.data_of(visitor.cookie), created_ago_s=forge.lifetimes.absolute_s + 1
    )


def _other_version(forge: Forge, visitor: Visitor) -> str:
    key = forge.new_key()
    payload = {**forge.payload(forge.data_of(visitor.cookie)), "v": 2}
    return forge.put(
        forge.signed(
            payload, secret=forge.secrets[0], salt=f"gatehouse.entry.v1:{session_entry(key)}"
        ),
        key=key,
    )


def _anonymous(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record({"cart": [1, 2]})


def _no_principal(forge: Forge, visitor: Visitor) -> str:
    forge.put_principal(visitor.person.pk, None)
    return visitor.cookie


def _unknown_person(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record({**forge.data_of(visitor.cookie), "_auth_user_id": "999999999"})


def _principal_forged(forge: Forge, visitor: Visitor) -> str:
    forge.put_principal(visitor.person.pk, b"e30:1vLxQk:" + b"A" * 43)
    return visitor.cookie


def _principal_copied(forge: Forge, visitor: Visitor) -> str:
    chief = new_visitor(is_staff=True, is_superuser=True)
    forge.put_principal(visitor.person.pk, forge.principal_of(chief.person.pk))
    return visitor.cookie


def _principal_pickled(forge: Forge, visitor: Visitor) -> str:
    forge.put_principal(visitor.person.pk, pickle.dumps({"id": str(visitor.person.pk)}))
    return visitor.cookie


def _inactive(forge: Forge, visitor: Visitor) -> str:
    visitor.person.is_active = False
    visitor.person.save()
    return visitor.cookie


def _wrong_hash(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record({**forge.data_of(visitor.cookie), "_auth_user_hash": "0" * 64})


def _no_hash(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record({**forge.data_of(visitor.cookie), "_auth_user_hash": ""})


def _odd_hash(forge: Forge, visitor: Visitor) -> str:
    return forge.put_record({**forge.data_of(visitor.cookie), "_auth_user_hash": {"not": "text"}})


ATTACKS: dict[str, tuple[Prepare, Refusal]] = {
    "unknown key": (_unknown, Refusal.SESSION_ABSENT),
    "forged signature": (_forged, Refusal.SESSION_FORMAT),
    "no signature": (_unsigned, Refusal.SESSION_FORMAT),
    "truncated": (_truncated, Refusal.SESSION_FORMAT),
    "empty value": (_emptied, Refusal.SESSION_FORMAT),
    "value of another key": (_copied, Refusal.SESSION_FORMAT),
    "other salt": (_signed_as(salt="django.core.signing"), Refusal.SESSION_FORMAT),
    "other secret": (_signed_as(secret=ANOTHER_SECRET), Refusal.SESSION_FORMAT),
    "Django's SECRET_KEY": (_django_secret, Refusal.SESSION_FORMAT),
    "signature older than the absolute lifetime": (_signature_too_old, Refusal.SESSION_FORMAT),
    "past the idle lifetime": (_past_idle, Refusal.SESSION_FORMAT),
    "past the absolute lifetime": (_past_absolute, Refusal.SESSION_FORMAT),
    "other version": (_other_version, Refusal.SESSION_FORMAT),
    "anonymous session": (_anonymous, Refusal.SESSION_ANONYMOUS),
    "principal missing": (_no_principal, Refusal.PRINCIPAL_ABSENT),
    "person that never was": (_unknown_person, Refusal.PRINCIPAL_ABSENT),
    "principal forged": (_principal_forged, Refusal.PRINCIPAL_FORMAT),
    "principal of a superuser": (_principal_copied, Refusal.PRINCIPAL_FORMAT),
    "principal pickled": (_principal_pickled, Refusal.PRINCIPAL_FORMAT),
    "inactive": (_inactive, Refusal.PRINCIPAL_INACTIVE),
    "hash of another password": (_wrong_hash, Refusal.AUTH_HASH_MISMATCH),
    "empty hash": (_no_hash, Refusal.AUTH_HASH_MISMATCH),
    "hash that is no text": (_odd_hash, Refusal.AUTH_HASH_MISMATCH),
}


@pytest.mark.parametrize(("prepare", "reason"), ATTACKS.values(), ids=ATTACKS.keys())
def test_attack_is_refused_like_every_other(
    api: Flask, forge: Forge, caplog: pytest.LogCaptureFixture, prepare: Prepare, reason: Refusal
) -> None:
    """Status, body and headers are those of no cookie at all;
    the log has the reason and not the cookie."""
    visitor = new_visitor()
    assert ask(api, "/api/me", cookie=visitor.cookie).status_code == 200
    assert refusal_of(api, prepare(forge, visitor), caplog) == reason


def test_signature_made_by_the_forge_is_accepted_when_nothing_is_wrong(
    api: Flask, forge: Forge
) -> None:
    """The control: what the attacks change is what they are refused for."""
    visitor = new_visitor()
    key = _signed_as()(forge, visitor)
    assert ask(api, "/api/me", cookie=key).status_code == 200


def test_each_flipped_bit_is_refused(api: Flask, forge: Forge) -> None:
    """One bit of every byte of the stored value, the time stamp and the signature included."""
    visitor = new_visitor()
    good = forge.value_of(visitor.cookie)
    chosen = random.Random(SEED)
    for position in range(len(good)):
        bit = chosen.randrange(8)
        bad = bytes([*good[:position], good[position] ^ 1 << bit, *good[position + 1 :]])
        forge.put(bad, key=visitor.cookie)
        assert ask(api, "/api/me", cookie=visitor.cookie).status_code == 401, (
            f"seed {SEED}: byte {position}, bit {bit}"
        )
    forge.put(good, key=visitor.cookie)
    assert ask(api, "/api/me", cookie=visitor.cookie).status_code == 200


@pytest.mark.parametrize("protocol", [0, 5])
def test_pickle_is_never_loaded_on_either_side(
    api: Flask, forge: Forge, caplog: pytest.LogCaptureFixture, tmp_path: Path, protocol: int
) -> None:
    """A pickle that would run code, text or binary, is a session of nobody;
    Django shows its anonymous page."""
    trace = tmp_path / "loaded"
    evil = pickle.dumps(Touch(trace), protocol=protocol)
    pickle.loads(evil)
    assert trace.exists()
    trace.unlink()
    visitor = new_visitor()
    forge.put(evil, key=visitor.cookie)
    assert refusal_of(api, visitor.cookie, caplog) == Refusal.SESSION_FORMAT
    assert visitor.browser.get("/").status_code == 200
    other = new_visitor()
    forge.put_principal(other.person.pk, evil)
    assert refusal_of(api, other.cookie, caplog) == Refusal.PRINCIPAL_FORMAT
    assert other.browser.get("/").status_code == 200
    assert not trace.exists()
