"""RELIABILITY's attacks on the whole service, over cookie and key, under each server:
refused, alike, and without a trace.

The tables are in tests.e2e.attacking.attacks. In-process tests go deeper;
here is one of each kind, with a real server in between.
"""

import pickle
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_api.app import OPEN_ENDPOINTS, create_app
from shared.contract.entries import key_entry
from shared.http.response_headers import PAGE_SECURITY_HEADERS
from shared.settings import ApiSettings
from tests.e2e.attacking.attack_scene import JOB, PAGES, VERBS, Scene, open_scene
from tests.e2e.attacking.attacks import (
    FORGED_LINE,
    KEYS,
    PATHS,
    SESSIONS,
    SPOOFS,
    Attack,
    cookie_line,
    key_line,
)
from tests.e2e.raw_http import exchange, send
from tests.e2e.service import COMMANDS
from tests.integration.gate.forging import Touch


@pytest.fixture(scope="module", params=COMMANDS)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """One start of each server for all attacks."""
    folder, count = tmp_path_factory.mktemp(f"attacked-{request.param}"), len(SESSIONS) + len(KEYS)
    with open_scene(folder, people=count + 20, server=request.param) as scene:
        yield scene


@pytest.mark.parametrize("attack", SESSIONS.values(), ids=SESSIONS.keys())
def test_spoiled_session_is_refused_by_both_sides(scene: Scene, attack: Attack) -> None:
    """Flask answers as if nothing had been sent; Django's page knows nobody."""
    person = scene.new_person()
    line = cookie_line(attack(scene.forge, person))
    assert scene.is_refused_like_no_credential(line)
    assert scene.me().status == 401
    # Django needs no principal
    if attack is not SESSIONS["no principal"] and attack is not SESSIONS["forged principal"]:
        assert person.username not in send(scene.service, "/", line).body.decode()


@pytest.mark.parametrize("attack", KEYS.values(), ids=KEYS.keys())
def test_spoiled_key_is_refused_even_beside_a_good_cookie(scene: Scene, attack: Attack) -> None:
    """The key alone decides, whoever's cookie comes with it,
    and a request with one passes no cross-site check by it."""
    line, cookie = (
        key_line(attack(scene.forge, scene.new_person())),
        cookie_line(scene.bystander.cookie),
    )
    assert scene.is_refused_like_no_credential(line)
    assert scene.is_refused_like_no_credential(line, cookie)
    assert scene.post("/api/jobs", JOB, line, cookie, "Sec-Fetch-Site: cross-site").status == 401


def test_other_authorization_is_refused_even_beside_a_good_cookie(scene: Scene) -> None:
    """Other schemes, and none."""
    for value in (
        "",
        "Bearer",
        f"Token {scene.bystander.key}",
        f"Basic {scene.bystander.key}",
        scene.bystander.key,
    ):
        assert scene.is_refused_like_no_credential(
            f"Authorization: {value}", cookie_line(scene.bystander.cookie)
        ), value


def test_two_credentials_of_one_kind_are_400(scene: Scene) -> None:
    """One header or two, either order: neither server lets a planted one win, on either side."""
    good, other = scene.bystander, scene.new_person()
    doubled = [
        [f"{cookie_line(good.cookie)}; sessionid={other.cookie}"],
        [f"{cookie_line(other.cookie)}; sessionid={good.cookie}"],
        [cookie_line(good.cookie), cookie_line(other.cookie)],
        [cookie_line("x" * 32), cookie_line(good.cookie)],
        ["Cookie: a=b", cookie_line(good.cookie)],
        [f"Cookie: a=b;\r\n sessionid={good.cookie}"],
        [key_line(good.key), key_line(other.key)],
        [key_line("x"), key_line(good.key)],
        [key_line(good.key), key_line("x")],
    ]
    for lines in doubled:
        assert scene.me(*lines).status == 400, lines
        assert send(scene.service, "/", *lines).status == 400, lines


def test_planted_session_is_worth_nothing_after_log_in(scene: Scene) -> None:
    """Fixation: whatever id the browser came with, it leaves the form with another."""
    browser, planted = scene.service.new_browser(), scene.forge.put_record({"planted": True})
    browser.http.cookies.set("sessionid", planted, domain="127.0.0.1", path="/")
    browser.log_in()
    assert browser.cookie != planted
    assert scene.me(cookie_line(browser.cookie)).status == 200
    assert scene.is_refused_like_no_credential(cookie_line(planted))


def test_changed_person_is_refused(scene: Scene) -> None:
    """Deactivated and deleted: cookie and key; another password: the cookie; revoked: the key."""
    changes = {
        "deactivate": "cookie key",
        "delete": "cookie key",
        "change_password": "cookie key",
        "revoke_keys": "key",
    }
    people = {change: scene.new_person() for change in changes}
    commands = " + ".join(f"change {change} {person.id}" for change, person in people.items())
    scene.service.run("-m", "tests.e2e.site_side", *commands.split())
    for change, dead in changes.items():
        person = people[change]
        assert scene.is_refused_like_no_credential(cookie_line(person.cookie)) == (
            "cookie" in dead
        ), change
        assert scene.is_refused_like_no_credential(key_line(person.key)) == ("key" in dead), change


def test_pickle_is_never_loaded(scene: Scene, tmp_path: Path) -> None:
    """In a session, a principal and a key's record, asked of both sides."""
    evil, person, other = (
        pickle.dumps(Touch(tmp_path / "loaded")),
        scene.new_person(),
        scene.new_person(),
    )
    cookie = scene.forge.put(evil)
    scene.forge.put_principal(person.id, evil)
    scene.forge.admin.set(key_entry(other.key), evil, ex=600)
    # The cookie last: Django's page for it publishes the person anew.
    for line in (
        cookie_line(cookie),
        key_line(other.key),
        key_line(person.key),
        cookie_line(person.cookie),
    ):
        assert scene.is_refused_like_no_credential(line)
        assert send(scene.service, "/", line).status == 200
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("line", SPOOFS)
def test_spoofed_header_changes_nothing(scene: Scene, line: str) -> None:
    """With a credential, without one, and on Django's page:
    the answer is that without the header."""
    cookie = cookie_line(scene.bystander.cookie)
    assert scene.is_refused_like_no_credential(line)
    assert scene.me(line, cookie) == scene.me(cookie)
    for path in ("/", "/account/keys/"):
        assert send(scene.service, path, line) == send(scene.service, path)
    # A form, which Django accepts from this scheme and host only:
    # here it sees what it takes them for.
    form = [
        f"Cookie: csrftoken={'t' * 32}",
        f"X-CSRFToken: {'t' * 32}",
        f"Origin: {scene.service.address}",
        line,
    ]
    assert send(scene.service, "/accounts/logout/", *form, method="POST").status == 302


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=PATHS.keys())
def test_odd_path_leads_to_nothing_gated(scene: Scene, path: str, status: int) -> None:
    """One status for both servers, and never what only a log-in may see."""
    answer = send(scene.service, path)
    assert answer.status == status
    assert b"demo" not in answer.body


def test_everything_but_the_open_list_is_401(scene: Scene) -> None:
    """Every rule of the API by every verb, and Django's pages."""
    rules = list(
        create_app(ApiSettings(session_secrets=scene.service.session_secrets)).url_map.iter_rules()
    )
    closed = [rule for rule in rules if rule.endpoint not in OPEN_ENDPOINTS]
    assert len(closed) > 4
    for rule in closed:
        path = "/api" + re.sub(r"<[^>]+>", str(uuid.uuid4()), rule.rule)
        assert {send(scene.service, path, method=verb).status for verb in VERBS} == {401}, path
    for page in PAGES[1:]:
        assert send(scene.service, page).status == 302, page


def test_key_opens_no_page_and_mints_no_session(scene: Scene) -> None:
    """Django's side never heard of keys; the API sets no cookie, whoever asks."""
    person, key = scene.bystander, key_line(scene.bystander.key)
    for path in PAGES:
        page, plain = send(scene.service, path, key), send(scene.service, path)
        assert (page.status, page.body) == (plain.status, plain.body), path
        assert "sessionid" not in page.headers.get("set-cookie", ""), path
    assert scene.post(
        "/account/keys/", {"name": "another", "scopes": ["jobs:read"]}, key
    ).status in (401, 403)
    for line in (key, cookie_line(person.cookie)):
        assert "set-cookie" not in scene.me(line).headers


def test_every_answer_carries_the_security_headers(scene: Scene) -> None:
    """Pages, files, redirects, JSON, errors of Django, of Flask and of the servers themselves."""
    cookie, service = cookie_line(scene.bystander.cookie), scene.service
    answers = [
        send(service, path)
        for path in (*PAGES, *PATHS, "/nothing", "/static/none", "/static/gatehouse/logo.svg")
    ]
    answers += [
        send(service, path, cookie)
        for path in ("/", "/api/me", "/api/nothing", "/api/jobs?limit=x", "/api/tasks")
    ]
    answers += [
        send(service, path, cookie, method="POST")
        for path in ("/accounts/logout/", "/api/jobs", "/api/me", "/")
    ]
    answers += [
        scene.me(f"{cookie}; sessionid=x"),
        send(service, "/", f"{cookie}; sessionid=x"),
        scene.me(cookie, cookie),
    ]
    answers += [send(service, "/", host="evil.example"), exchange(service, b"NONSENSE\r\n\r\n")]
    assert {200, 302, 400, 401, 403, 404, 405} <= {answer.status for answer in answers}
    for answer in answers:
        assert PAGE_SECURITY_HEADERS.keys() <= {name.title() for name in answer.headers} | {
            "X-Content-Type-Options"
        }, answer
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_input_forges_no_line_in_the_log(scene: Scene) -> None:
    """Through the name in the log-in form, the path, the browser's name,
    the origin and a broken request."""
    escaped = FORGED_LINE.replace(" ", "%20").replace("'", "%27")
    browser = scene.service.new_browser()
    browser.send_form(
        "/accounts/login/", {"login": f"x\r\n{FORGED_LINE}\n", "password": f"y\n{FORGED_LINE}"}
    )
    for path in (f"/api/x%0d%0a{escaped}", f"/x%0a{escaped}", f"/x%e2%80%a8{escaped}%1b[2J"):
        send(
            scene.service, path, f"User-Agent: x\u0085{FORGED_LINE}", f"Origin: x\x0b{FORGED_LINE}"
        )
        send(scene.service, path, f"Referer: x\r{FORGED_LINE}", method="POST")
    exchange(scene.service, f"GET /\r{FORGED_LINE}\n{FORGED_LINE} HTTP/1.1\r\n\r\n".encode())
    assert not [
        line for line in scene.service.log.splitlines() if line.startswith("timestamp='1999")
    ]
    assert "\x1b" not in scene.service.log


def test_secrets_are_nowhere_to_be_read(scene: Scene) -> None:
    """After all of the above: not in the log, not in a job's record, not in what an error says."""
    browser, person = scene.service.new_browser(), scene.bystander
    browser.log_in()
    token = browser.http.cookies["csrftoken"]
    lines = [cookie_line(person.cookie), key_line(person.key), f"X-CSRFToken: {token}"]
    canaries = [
        *scene.service.secrets,
        scene.service.password,
        browser.cookie,
        token,
        person.cookie,
        person.key,
    ]
    assert all(len(canary) > 10 for canary in canaries)
    scene.post("/api/jobs", JOB, key_line(person.key))
    sent = [
        (path, lines, verb)
        for path in ("/api/me", "/api/x", "/x", "/account/keys/", "//")
        for verb in ("GET", "POST")
    ]
    errors = [send(scene.service, path, *some, method=verb) for path, some, verb in sent]
    errors += [
        scene.me(lines[1], lines[1]),
        scene.me(f"{lines[0]}; {lines[0][8:]}"),
        scene.post("/api/jobs", 1, *lines),
    ]
    errors.append(send(scene.service, "/", *lines, f"Authorization {person.key}"))
    admin = scene.forge.admin
    records = [admin.hgetall(name) for name in admin.scan_iter(match="gatehouse:jobs:record:*")]
    assert records
    for place in (
        scene.service.log,
        str(records),
        str([(answer.headers.items(), answer.body) for answer in errors]),
    ):
        assert [canary for canary in canaries if canary in place] == []
