"""Attacks on what people keep: jobs, files, batches, tables, shares, streams.
Another person's is like one that never was."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.attacking.attack_scene import JOB, JSON, VERBS, Scene, open_scene
from tests.e2e.attacking.attacks import CROSS_SITE, Person, cookie_line, key_line
from tests.e2e.raw_http import Answer, send
from tests.e2e.service import COMMANDS, ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS

LIBRARY = "flask_api.tasks.library"
TASKS = {"text.word_count": "file", "tables.parse": "file", "logs.retry_failed": "log"}
PAGE = b"<html><script>alert(1)</script></html>"


class Owner:
    """A person with one thing of each kind."""

    def __init__(self, service: ServiceProcess, person: Person) -> None:
        self.service = service
        self.person = person
        self.file = self.post("/api/files?name=table.csv", b"a,b\n1,2\n").json["id"]
        parse = {"task": "tables.parse", "arguments": {"file": self.file}}
        self.job = self.post("/api/jobs?wait=20", json.dumps(parse).encode()).json["id"]
        echo = {"task": "sample.echo", "arguments": [{}, {}]}
        self.batch = self.post("/api/batches", json.dumps(echo).encode()).json["id"]

    def post(self, path: str, body: bytes) -> Answer:
        """Send a body, as JSON."""
        return send(self.service, path, JSON, key_line(self.person.key), method="POST", body=body)


@pytest.fixture(scope="module", params=COMMANDS)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """One start of each server for all of these."""
    folder, tasks = tmp_path_factory.mktemp(f"kept-{request.param}"), f"{LIBRARY},{SAMPLE_TASKS}"
    with open_scene(folder, people=20, server=request.param, task_modules=tasks) as scene:
        yield scene


@pytest.fixture(scope="module")
def owner(scene: Scene) -> Owner:
    """A person who keeps things."""
    return Owner(scene.service, scene.new_person())


@pytest.fixture(scope="module")
def other(scene: Scene) -> Person:
    """Another one."""
    return scene.new_person()


@pytest.mark.parametrize("verb", VERBS)
def test_other_persons_things_are_like_ones_that_never_were(
    owner: Owner, other: Person, verb: str
) -> None:
    """By every verb and address, with cookie and key; afterwards all of it is as it was."""
    things = {
        owner.file: ("/api/files/{}", "/api/files/{}/content"),
        owner.job: tuple(
            f"/api/jobs/{{}}{end}"
            for end in (
                "",
                "/rows",
                "/shares",
                "/onlookers",
                "/events",
                "/log",
                "/files/rows.parquet",
            )
        ),
        owner.batch: tuple(
            f"/api/batches/{{}}{end}" for end in ("", "/results", "/events", "/cancel", "/withdraw")
        ),
    }
    body = b'{"positions": [0]}' if verb in ("POST", "PUT", "PATCH") else b""
    for thing, paths in things.items():
        for path in paths:
            for line in (cookie_line(other.cookie), key_line(other.key)):
                theirs, nobodys = (
                    send(
                        owner.service,
                        path.format(each),
                        JSON,
                        line,
                        "If-None-Match: *",
                        method=verb,
                        body=body,
                    )
                    for each in (thing, str(uuid.uuid4()))
                )
                assert theirs == nobodys, path
                assert theirs.status in (404, 405) or verb == "OPTIONS", path
    for path in (
        f"/api/files/{owner.file}/content",
        f"/api/jobs/{owner.job}/rows",
        f"/api/batches/{owner.batch}",
    ):
        assert send(owner.service, path, key_line(owner.person.key)).status == 200


@pytest.mark.parametrize(("task", "argument"), TASKS.items(), ids=TASKS.keys())
def test_job_with_another_persons_file_is_refused(
    owner: Owner, other: Person, task: str, argument: str
) -> None:
    """Alone and in a batch, and in the words for one that never was."""
    for path, wrap in (("/api/jobs", lambda each: each), ("/api/batches", lambda each: [each])):
        answers = []
        for file_id in (owner.file, str(uuid.uuid4())):
            arguments = {
                argument: file_id,
                **({"base_url": "http://example.com"} if task == "logs.retry_failed" else {}),
            }
            body = json.dumps({"task": task, "arguments": wrap(arguments)}).encode()
            answers.append(
                send(owner.service, path, JSON, key_line(other.key), method="POST", body=body)
            )
        assert answers[0] == answers[1]
        assert answers[0].status == 422


@pytest.mark.parametrize("lines", [lines for lines, status in CROSS_SITE.values() if status == 403])
def test_other_sites_page_uploads_shares_and_deletes_nothing(
    owner: Owner, lines: list[str]
) -> None:
    """An upload takes any media type, so that no preflight protects it: the origin must."""
    cookie = cookie_line(owner.person.cookie)
    tried = [
        ("POST", "/api/files"),
        ("DELETE", f"/api/files/{owner.file}"),
        ("POST", f"/api/jobs/{owner.job}/shares"),
    ]
    tried += [
        ("DELETE", f"/api/shares/{'0' * 64}"),
        ("POST", f"/api/batches/{owner.batch}/withdraw"),
    ]
    for verb, path in tried:
        assert send(owner.service, path, cookie, *lines, method=verb, body=PAGE).status == 403, (
            verb,
            path,
        )
    assert [each["id"] for each in send(owner.service, "/api/files", cookie).json["files"]] == [
        owner.file
    ]


@pytest.mark.parametrize(
    "name",
    ["x.html", "%2e%2e%2f%2e%2e%2fx.svg", "a%22%3b%20filename=x.html", "%C3%BC%3Cscript%3E.htm"],
)
def test_uploaded_page_is_a_download_and_nothing_else(owner: Owner, name: str) -> None:
    """Whatever it is called: an attachment, of no guessed type,
    that could run nothing even as a page."""
    for content in (
        PAGE,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    ):
        file = owner.post(f"/api/files?name={name}", content)
        assert file.status == 201
        answer = send(
            owner.service,
            file.json["links"]["content"],
            cookie_line(owner.person.cookie),
            "Accept: text/html",
        )
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert "/" not in file.json["name"]
        assert answer.body == content
        path = file.json["links"]["self"]
        assert send(owner.service, path, key_line(owner.person.key), method="DELETE").status == 204


def test_key_in_a_cookie_and_cookie_as_a_key_revoke_nothing(owner: Owner, other: Person) -> None:
    """The address that takes the key to revoke takes nothing else,
    and no other key of that person's goes with it."""
    path = "/account/keys/current/"
    for line in (
        cookie_line(other.cookie),
        cookie_line(other.key),
        key_line(other.cookie),
        f"Authorization: Basic {other.key}",
    ):
        assert send(owner.service, path, line, method="DELETE").status == 401, line
    assert send(owner.service, path, key_line(other.key), method="GET").status == 405
    assert send(owner.service, "/api/me", key_line(other.key)).status == 200


@pytest.mark.parametrize("verb", VERBS)
def test_other_persons_job_is_like_one_that_never_was(scene: Scene, verb: str) -> None:
    """By every verb, with cookie and key; and its owner's listing is theirs alone."""
    owner, other = scene.new_person(), scene.bystander
    submitted = scene.post("/api/jobs", JOB, key_line(owner.key))
    assert submitted.status == 202
    theirs, nobodys = submitted.json["links"]["self"], f"/api/jobs/{uuid.uuid4()}"
    for line in (cookie_line(other.cookie), key_line(other.key)):
        found, expected = (
            send(scene.service, path, JSON, line, method=verb) for path in (theirs, nobodys)
        )
        assert found == expected
        assert found.status == (
            404 if verb in ("GET", "HEAD", "DELETE") else 200 if verb == "OPTIONS" else 405
        )
        assert submitted.json["id"] not in send(scene.service, "/api/jobs", line).body.decode()
    assert send(scene.service, theirs, key_line(owner.key)).status == 200


def test_submit_sets_nothing_but_task_and_arguments(scene: Scene) -> None:
    """Mass assignment is 422, a function that is no task is 404; no job comes of either."""
    person = scene.new_person()
    for line in (cookie_line(person.cookie), key_line(person.key)):
        for name in ("owner", "status", "executor", "function", "id", "result", "user_id"):
            assert scene.post("/api/jobs", {**JOB, name: "1"}, line).status == 422, name
        for task in (
            "os.system",
            "flask_api.tasks.primes.sum",
            "primes.sum\n",
            "__import__",
            "../primes.sum",
        ):
            assert scene.post("/api/jobs", {**JOB, "task": task}, line).status == 404, task
        assert send(scene.service, "/api/jobs", line).json["jobs"] == []


@pytest.mark.parametrize(("lines", "status"), CROSS_SITE.values(), ids=CROSS_SITE.keys())
def test_other_sites_page_changes_nothing(scene: Scene, lines: list[str], status: int) -> None:
    """Neither does it start a job, nor log out, nor make a key."""
    person, cookie = scene.bystander, cookie_line(scene.bystander.cookie)
    body = json.dumps(JOB).encode()
    assert (
        send(scene.service, "/api/jobs", cookie, *lines, method="POST", body=body).status == status
    )
    for path in ("/accounts/logout/", "/account/keys/"):
        assert send(scene.service, path, cookie, *lines, method="POST", body=body).status == 403
    assert send(scene.service, "/api/jobs", key_line(person.key)).json["jobs"] == []
    assert scene.me(cookie).status == 200
