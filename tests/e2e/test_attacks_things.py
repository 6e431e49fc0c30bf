"""Attacks on what people keep: files, batches, tables, shares, streams.
Another person's is like one that never was."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.attacks import CROSS_SITE, Person, cookie_line, key_line
from tests.e2e.raw_http import Answer, send
from tests.e2e.service import COMMANDS, ServiceProcess
from tests.integration.gate.gate_bench import SAMPLE_TASKS

JSON = "Content-Type: application/json"
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
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
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """One start of each server for all of these."""
    modules = f"flask_api.tasks.library,{SAMPLE_TASKS}"
    with ServiceProcess(
        tmp_path_factory.mktemp(f"kept-{request.param}"), server=request.param, task_modules=modules
    ) as service:
        yield service


@pytest.fixture(scope="module")
def people(service: ServiceProcess) -> list[Person]:
    """Two people."""
    return [
        Person(**row) for row in json.loads(service.run("-m", "tests.e2e.site_side", "people", "2"))
    ]


@pytest.fixture(scope="module")
def owner(service: ServiceProcess, people: list[Person]) -> Owner:
    """One of them, who keeps things."""
    return Owner(service, people[0])


@pytest.fixture(scope="module")
def other(people: list[Person]) -> Person:
    """The other."""
    return people[1]


@pytest.mark.parametrize("verb", VERBS)
def test_other_persons_things_are_like_ones_that_never_were(
    owner: Owner, other: Person, verb: str
) -> None:
    """By every verb and address, with cookie and key; afterwards all of it is as it was."""
    things = {
        owner.file: ("/api/files/{}", "/api/files/{}/content"),
        owner.job: tuple(
            f"/api/jobs/{{}}{end}"
            for end in ("", "/rows", "/share", "/events", "/log", "/files/rows.parquet")
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
        ("POST", f"/api/jobs/{owner.job}/share"),
    ]
    tried += [
        ("DELETE", f"/api/jobs/{owner.job}/share"),
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
