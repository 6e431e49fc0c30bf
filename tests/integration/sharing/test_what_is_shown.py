"""What a shared address shows: what its owner said, and nothing else."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from flask import Flask

from flask_api.http.state import api_state
from flask_api.jobs.sharing import shares as limits
from shared.contract import gone
from shared.redis import RedisGateway
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.integration.sharing.share_bench import end, is_nothing, looks, run, share, try_share

pytestmark = pytest.mark.usefixtures("site")


def test_nothing_but_what_is_shared_is_told(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """Not which job it is, whose, from what, nor its files; a part of it where the owner says so."""
    bob = new_visitor()
    plain, full = (
        share(app, owner, job["id"], shows=shows) for shows in ([], ["owner", "arguments", "files"])
    )
    secrets = {"id": job["id"], "owner": owner.person.username, "arguments": "a hidden word",
               "files": "notes.txt", "mail": owner.person.email}  # fmt: skip
    found = looks(app, plain["url"], bob)
    said = found.get_json()
    everything = found.text + looks(app, f"{plain['url']}/log", bob).text
    assert [name for name, secret in secrets.items() if secret in everything] == []
    assert said["withheld"] == ["arguments", "files", "owner"]
    assert (said["arguments"], said["files"], said["owner"]) == (None, [], None)
    assert not said["is_yours"]
    assert looks(app, plain["url"], owner).get_json()["is_yours"]
    assert (said["status"], said["task"], said["result"]["made"]) == (
        "succeeded", "shared.all", "a result",
    )  # fmt: skip
    assert set(said["links"]) == {"self", "result", "log", "events"}
    assert looks(app, f"{plain['url']}/files/notes.txt", bob).status_code == 404
    assert looks(app, said["links"]["result"], bob).get_json() == said["result"]
    lines = [json.loads(line) for line in looks(app, said["links"]["log"], bob).text.splitlines()]
    assert [line["message"] for line in lines] == ["a line"]
    found = looks(app, full["url"], bob)
    assert [name for name, secret in secrets.items() if secret in found.text] == [
        "owner", "arguments", "files",
    ]  # fmt: skip
    file = looks(app, found.get_json()["files"][0]["link"], bob)
    assert (file.data, file.headers["Content-Disposition"].partition(";")[0]) == (
        b"a note", "attachment",
    )  # fmt: skip
    for answer in (found, file):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_rows_are_read_in_pages(app: Flask, owner: Visitor) -> None:
    """By who may look, through links that stay at the address."""
    job, bob = run(app, owner, "rows.keep"), new_visitor()
    made = share(app, owner, job["id"])
    url = looks(app, made["url"], bob).get_json()["links"]["rows"]
    page = looks(app, f"{url}?size=200", bob).get_json()
    assert set(page) == {"columns", "rows", "page", "size", "pages", "total", "links"}
    assert (page["total"], page["links"]["next"].partition("?")[0]) == (250, url)
    assert looks(app, page["links"]["next"], bob).get_json()["rows"][-1] == [249, "word 249"]
    without = share(app, owner, run(app, owner, "shared.all")["id"])
    assert looks(app, f"{without['url']}/rows", bob).status_code == 404


def test_whole_table_is_downloaded(app: Flask, owner: Visitor) -> None:
    """As from the owner's page, kept nowhere; the job's own file of rows only where files are
    shown."""
    job, bob = run(app, owner, "rows.keep"), new_visitor()
    plain, full = (share(app, owner, job["id"], shows=shows) for shows in ([], ["files"]))
    with closing(looks(app, f"{plain['url']}/table", bob)) as sheet:
        assert (sheet.status_code, sheet.text.splitlines()[-1]) == (200, "249,word 249")
        assert sheet.headers["Cache-Control"] == "no-store"
        assert job["id"] not in str(sheet.headers)
    file = f"{job['links']['self']}/files/rows.parquet"
    for format_ in ("parquet", "csv&part=/none"):  # a client that says it has it gets the same
        hidden = f"{plain['url']}/table?format={format_}"
        assert looks(app, hidden, bob).status_code == 404
        assert looks(app, hidden, bob, **{"If-None-Match": "*"}).status_code == 404
    known = looks(app, f"{plain['url']}/table", bob, **{"If-None-Match": "*"})
    assert known.status_code == 304
    parquet = f"{full['url']}/table?format=parquet"
    with closing(looks(app, parquet, bob)) as sent, closing(looks(app, file, owner)) as kept:
        assert sent.data == kept.data
    assert looks(app, f"{plain['url']}/table?format=none", bob).status_code == 400
    without = share(app, owner, run(app, owner, "shared.all")["id"])
    assert looks(app, f"{without['url']}/table", bob).status_code == 404


def test_owner_lists_what_stands_and_only_that(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """Without the address; several of one job at once; ended ones and those of deleted jobs go."""
    other = run(app, owner, "shared.all")
    first = share(app, owner, job["id"], audience="people", people=["  bob ", "bob", "ﬁn"],
                  shows=["owner"], expires_in_s=3600)  # fmt: skip
    second, third = share(app, owner, job["id"]), share(app, owner, other["id"])
    listed = looks(app, f"/api/jobs/{job['id']}/shares", owner).get_json()["shares"]
    assert {each["id"] for each in listed} == {first["id"], second["id"]}
    assert not {"token", "url"} & listed[0].keys()
    mine = next(each for each in listed if each["id"] == first["id"])
    assert (mine["people"], mine["shows"]) == (["bob", "fin"], ["owner"])
    assert mine == {name: first[name] for name in mine}
    assert end(app, owner, second["id"]) == 204
    assert end(app, owner, second["id"]) == 404
    ask(app, f"/api/jobs/{other['id']}", method="DELETE", cookie=owner.cookie)
    listed = looks(app, "/api/shares", owner).get_json()["shares"]
    assert [each["id"] for each in listed] == [first["id"]]
    assert is_nothing(looks(app, third["url"], owner))


def test_shares_are_bounded_and_those_of_deleted_jobs_take_no_place(
    app: Flask, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a job, and of a person; nothing is stored beyond it."""
    monkeypatch.setattr(limits, "MOST_OF_JOB", 2)
    monkeypatch.setattr(limits, "MOST_OF_PERSON", 3)
    jobs = [run(app, owner, "shared.all")["id"] for _ in range(2)]
    made = []
    for job in (jobs[0], jobs[0], jobs[1]):
        made.append(share(app, owner, job))
        if len(made) >= 2:  # the job's share is the last that it may have, then the person's
            refused = try_share(app, owner, job)
            assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_shares")
    assert len(looks(app, "/api/shares", owner).get_json()["shares"]) == 3
    ask(app, f"/api/jobs/{jobs[0]}", method="DELETE", cookie=owner.cookie)
    share(app, owner, jobs[1])
    assert looks(app, made[2]["url"], owner).status_code == 200


def test_log_is_text_where_that_is_asked_for(
    app: Flask, owner: Visitor, job: dict[str, Any]
) -> None:
    """As of one's own job."""
    log = f"{share(app, owner, job['id'])['url']}/log"
    answer = looks(app, f"{log}?format=text", new_visitor())
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert answer.text.endswith(" INFO a line\n")
    own = looks(app, f"/api/jobs/{job['id']}/log?format=text", owner)
    assert answer.headers["Content-Disposition"] == own.headers["Content-Disposition"]
    assert (answer.text, looks(app, f"{log}?format=html", owner).status_code) == (own.text, 400)


def test_shares_that_are_followed_are_asked_for_in_pieces(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose shares they are, too: however many people share, a few commands say what stands."""
    ids = []
    for _ in range(5):
        owner = new_visitor()
        ids.append(share(app, owner, run(app, owner, "shared.all")["id"])["id"])
    asked: list[int] = []
    get, get_all = RedisGateway.get, RedisGateway.get_all

    def counted(store: RedisGateway, entries: Sequence[str]) -> list[str | None]:
        if entries[0].startswith(("gatehouse:gone:", "gatehouse:jobs:share:")):
            asked.append(len(entries))
        return get_all(store, entries)

    def counted_one(store: RedisGateway, entry: str) -> Any:
        assert not entry.startswith("gatehouse:gone:"), "one command for each owner"
        return get(store, entry)

    monkeypatch.setattr(RedisGateway, "get", counted_one)
    monkeypatch.setattr(RedisGateway, "get_all", counted)
    assert api_state(app).shares.standing(ids).keys() == set(ids)
    assert asked == [5, 5]
    asked.clear()
    monkeypatch.setattr(gone, "AT_ONCE", 2)
    monkeypatch.setattr(limits, "AT_ONCE", 2)
    assert api_state(app).shares.standing(ids).keys() == set(ids)
    assert asked == [2, 2, 1] * 2


@pytest.mark.parametrize(
    "terms",
    [
        {"audience": "world"},
        {"audience": "people"},
        {"audience": "group", "group": " "},
        {"people": ["bob"]},
        {"audience": "people", "people": ["b"] * 21},
        {"audience": "people", "people": ["b" * 151]},
        {"audience": "people", "people": ["\U0001f600" * 100] * 8},
        {"audience": "people", "people": ["\ufdfa" * 8 + each for each in "abcdefghijklmnop"]},
        {"audience": "group", "group": "\ufdfa" * 9},
        {"audience": "people", "people": [" "]},
        {"audience": "people", "people": ["b\u202eob"]},
        {"audience": "people", "people": [""]},
        {"shows": ["everything"]},
        {"expires_in_s": 59},
        {"expires_in_s": 30 * 86_400 + 1},
        {"expires_in_s": "60"},
        {"token": "2"},
    ],
)
def test_wrong_terms_are_refused(
    app: Flask, owner: Visitor, job: dict[str, Any], terms: dict[str, Any]
) -> None:
    """422 with a pointer; nothing is shared."""
    answer = try_share(app, owner, job["id"], **terms)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_arguments")
    assert looks(app, "/api/shares", owner).get_json() == {"shares": []}
