"""The attacks of RELIABILITY, as tables: what is sent, or done to Redis,
and how it is answered under every server."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.contract.api_keys import KeyRecord, encode_key, new_key
from shared.contract.entries import digest, key_entry, session_entry
from shared.contract.signing import EntrySigner
from tests.integration.gate.forging import Forge

ANOTHER_SECRET = "another-secret-of-more-than-32-characters"
FORGED_LINE = "timestamp='1999-01-01' level='info' logger='gatehouse.security' event='forged'"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person whose cookie and key work."""

    id: str
    username: str
    cookie: str
    key: str


Attack = Callable[[Forge, Person], str]


def cookie_line(cookie: str) -> str:
    """Return the header that carries a session."""
    return f"Cookie: sessionid={cookie}"


def key_line(key: str) -> str:
    """Return the header that carries an API key."""
    return f"Authorization: Bearer {key}"


def _flipped(value: bytes) -> bytes:
    middle = len(value) // 2
    return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]


def _signed(*, secret: str | None = None, salt: str | None = None, age_s: float = 0) -> Attack:
    def prepare(forge: Forge, person: Person) -> str:
        key = forge.new_key()
        payload, own_salt = (
            forge.payload(forge.data_of(person.cookie)),
            f"gatehouse.entry.v1:{session_entry(key)}",
        )
        value = forge.signed(
            payload, secret=secret or forge.secrets[0], salt=salt or own_salt, age_s=age_s
        )
        return forge.put(value, key=key)

    return prepare


def _too_old(forge: Forge, person: Person) -> str:
    return _signed(age_s=forge.lifetimes.absolute_s + 60)(forge, person)


def _without_principal(forge: Forge, person: Person) -> str:
    forge.put_principal(person.id, None)
    return person.cookie


def _with_forged_principal(forge: Forge, person: Person) -> str:
    forge.put_principal(person.id, _flipped(forge.principal_of(person.id)))
    return person.cookie


# Each spoils the person's session and returns the cookie to send.
SESSIONS: dict[str, Attack] = {
    "unknown": lambda forge, _: forge.new_key(),
    "forged signature": lambda forge, person: forge.put(
        forge.value_of(person.cookie).rpartition(b":")[0] + b":" + b"A" * 43, key=person.cookie
    ),
    "truncated": lambda forge, person: forge.put(
        forge.value_of(person.cookie)[:-1], key=person.cookie
    ),
    "one bit flipped": lambda forge, person: forge.put(
        _flipped(forge.value_of(person.cookie)), key=person.cookie
    ),
    "other salt": _signed(salt="django.core.signing"),
    "other secret": _signed(secret=ANOTHER_SECRET),
    "entry of another session": lambda forge, person: forge.put(forge.value_of(person.cookie)),
    "signature too old": _too_old,
    "past the idle lifetime": lambda forge, person: forge.put_record(
        forge.data_of(person.cookie), created_ago_s=100, expires_in_s=-1
    ),
    "past the absolute lifetime": lambda forge, person: forge.put_record(
        forge.data_of(person.cookie), created_ago_s=forge.lifetimes.absolute_s + 1
    ),
    "anonymous": lambda forge, _: forge.put_record({"cart": [1, 2]}),
    "hash of another password": lambda forge, person: forge.put_record(
        {**forge.data_of(person.cookie), "_auth_user_hash": "0" * 64}
    ),
    "no principal": _without_principal,
    "forged principal": _with_forged_principal,
    "another program's entry": lambda *_: "rq:job:x",
    "path": lambda *_: "../" * 10 + "etc",
    "empty": lambda *_: "",
    "upper case": lambda *_: "A" * 32,
    "eight thousand characters": lambda *_: "a" * 8_000,
    "quoted": lambda _, person: f'"{person.cookie}"',
    "with a comma": lambda _, person: f"{person.cookie},x",
    "with a blank": lambda _, person: f"{person.cookie[:16]} {person.cookie[16:]}",
    "other script": lambda *_: "\u00e4" * 32,
    "an API key": lambda _, person: person.key,
}


def _record(person: Person, *, expires_in_s: int = 600) -> KeyRecord:
    expires_at = int(time.time()) + expires_in_s
    return KeyRecord(
        id="1",
        user_id=person.id,
        name="forged",
        scopes=frozenset({"jobs:read"}),
        expires_at=expires_at,
    )


def _stored_record(*, secret: str | None = None, expires_in_s: int = 600) -> Attack:
    def prepare(forge: Forge, person: Person) -> str:
        signer = EntrySigner([secret or forge.secrets[0]])
        value = encode_key(signer, digest(person.key), _record(person, expires_in_s=expires_in_s))
        forge.admin.set(key_entry(person.key), value, ex=600)
        return person.key

    return prepare


def _copied_record(forge: Forge, person: Person) -> str:
    other, value = new_key(), forge.admin.get(key_entry(person.key))
    assert isinstance(value, bytes)
    forge.admin.set(key_entry(other), value, ex=600)
    return other


def _key_without_principal(forge: Forge, person: Person) -> str:
    forge.put_principal(person.id, None)
    return person.key


# Each spoils the person's key and returns what to send after "Bearer".
KEYS: dict[str, Attack] = {
    "unknown": lambda *_: new_key(),
    "wrong checksum": lambda _, person: person.key[:-1] + ("a" if person.key[-1] != "a" else "b"),
    "cut": lambda _, person: person.key[:-1],
    "no prefix": lambda _, person: person.key[3:],
    "quoted": lambda _, person: f'"{person.key}"',
    "twice": lambda _, person: f"{person.key},{person.key}",
    "empty": lambda *_: "",
    "a hundred kinds of nothing": lambda *_: "gh_" + "0" * 49,
    "eight thousand characters": lambda *_: "gh_" + "a" * 8_000,
    "a session's cookie": lambda _, person: person.cookie,
    "forged record": _stored_record(secret=ANOTHER_SECRET),
    "expired record": _stored_record(expires_in_s=-1),
    "copied record": _copied_record,
    "no principal": _key_without_principal,
}

# Header lines that some server, framework or proxy would believe; here they change nothing.
SPOOFS = [
    "X-User-Id: 1", "X_User_Id: 1", "X-Forwarded-User: demo", "Remote-User: demo", "REMOTE_USER: "
                                                                                   "demo", "X-Remote-User: "
                                                                                           "demo",
    "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X_Forwarded_Proto: https", "X-Forwarded-For: "
                                                                                              "127.0.0.1",
    "Forwarded: for=127.0.0.1;host=evil.example", "X-Forwarded-Prefix: /api/health", "X-Original-URL: "
                                                                                     "/api/health/live",
    "X-Rewrite-URL: /api/health/live", "X-HTTP-Method-Override: POST", "SCRIPT_NAME: /api", "SCRIPT_NAME: "
                                                                                            "/x",
    "Script-Name: /api", "PATH_INFO: /api/health/live", "X-Forwarded-Ssl: on", "HTTP_COOKIE: "
                                                                               "sessionid=x",
]  # fmt: skip

# Paths that one program reads as another path than the next,
# and how they are answered without a log-in.
PATHS = {
    "/api/../admin/": 401, "/api/%2e%2e/admin/": 401, "/api//me": 401, "/api/me/": 401, "/api/./me": 401, "/%61pi/me": 401,
    "/api/me;x=1": 401, "/api/me%00": 401, "/api/me%0a": 401, "/api": 401, "/api/": 401, "/api/jobs/": 401,
    "/api/health/live/../../me": 401, "/api/health/live;/../me": 401, "/api/health/live/%2e%2e/%2e%2e/me": 401,
    "/API/me": 404, "/api;/me": 404, "/apix": 404, "/./api/me": 404, "/api\\me": 404, "/static/../api/me": 404,
    "/static/%2e%2e/%2e%2e/manage.py": 404, "/admin/..;/api/me": 302,
    "//api/me": 400, "//evil.example/api/me": 400, "http://evil.example/api/me": 400, "/api%2fme": 400, "/api/me%2F": 400,
    "/api/problems/..%2fme": 400, "/static/..%2f..%2fmanage.py": 400, "/api/me#x": 400, "*": 400, "api/me": 400,
}  # fmt: skip

# What another site's page can make a browser send, with the person's cookie on it.
CROSS_SITE: dict[str, tuple[list[str], int]] = {
    "form": (
        ["Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site"],
        403,
    ),
    "text/plain": (["Content-Type: text/plain", "Sec-Fetch-Site: cross-site"], 403),
    "opaque origin": (["Content-Type: application/json", "Origin: null"], 403),
    "sibling host": (["Content-Type: application/json", "Sec-Fetch-Site: same-site"], 403),
    "other origin": (["Content-Type: application/json", "Origin: https://evil.example"], 403),
    "form, by an old browser": (["Content-Type: application/x-www-form-urlencoded"], 415),
    "text/plain, by an old browser": (["Content-Type: text/plain"], 415),
}
