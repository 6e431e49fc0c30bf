"""A shared job that is followed: it moves, tells no more than the page, and ends with the share;
its owner sees who looks on."""

from pathlib import Path

import pytest
from flask import Flask

from tests.integration.api.listener import Listeners
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor, post
from tests.integration.sharing.share_bench import end, join, looks, share
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a job finds what to do next."""
    folder = tmp_path / "steps"
    folder.mkdir()
    return folder


@pytest.fixture
def job(app: Flask, owner: Visitor, folder: Path) -> str:
    """A job of theirs that goes on by the files in the folder."""
    body = {"task": "shared.go_on", "arguments": {"path": str(folder)}}
    return str(post(app, owner, "/api/jobs", body).get_json()["id"])


def test_viewer_sees_it_move_and_no_more_than_is_shown(
    app: Flask, owner: Visitor, job: str, folder: Path, streams: Listeners
) -> None:
    """Progress, lines and the end; no id of a job, no position in the owner's stream, no files, and
    nothing of other jobs."""
    bob = new_visitor()
    url = share(app, owner, job)["url"]
    stream = streams.open(f"{url}/events", cookie=bob.cookie, last_event_id="0")
    stream.wait_for("ready")
    (folder / "file1").touch()
    stream.wait_for("report")
    post(app, owner, "/api/jobs?wait=10", {"task": "shared.all"})
    (folder / "end").touch()
    events = stream.wait_for_end()
    assert events[-1].data == {"reason": "finished"}
    assert [event.data["status"] for event in events if event.kind == "status"][-1] == "succeeded"
    said = [event.data for event in events if event.kind == "report"]
    assert [each["progress"]["message"] for each in said if "progress" in each] == ["file1"]
    assert [line["message"] for each in said for line in each.get("log", ())] == ["line file1"]
    assert {name for event in events for name in event.data} <= {
        *("status", "attempt", "max_attempts", "cancel_requested", "progress", "log", "reason")
    }
    assert {event.id for event in events} == {""}


def test_files_are_told_of_where_they_are_shown(
    app: Flask, owner: Visitor, job: str, folder: Path, streams: Listeners
) -> None:
    """How many there are now: the record has their names."""
    url = share(app, owner, job, shows=["files"])["url"]
    stream = streams.open(f"{url}/events", cookie=new_visitor().cookie)
    stream.wait_for("ready")
    (folder / "file1").touch()
    wait_until(lambda: any(event.data.get("files") == 1 for event in stream.events), timeout_s=10)
    (folder / "end").touch()


def test_stream_ends_soon_for_who_may_look_no_more(
    app: Flask, owner: Visitor, job: str, folder: Path, streams: Listeners
) -> None:
    """Within two seconds: the share ended, they left the group, logged out; what happens after it
    is not told. Another share's goes on, until its owner is gone."""
    people = [join(new_visitor(), "watchers") for _ in range(4)]
    shares = [share(app, owner, job, audience="group", group="watchers") for _ in people]
    followed = [
        streams.open(f"{made['url']}/events", cookie=viewer.cookie)
        for made, viewer in zip(shares, people, strict=True)
    ]
    for stream in followed:
        stream.wait_for("ready")
    assert end(app, owner, shares[0]["id"]) == 204
    people[1].person.groups.clear()
    people[2].browser.post("/accounts/logout/")
    for stream in followed[:3]:
        assert stream.wait_for_end(timeout_s=2)[-1].data == {"reason": "refused"}
    (folder / "one").touch()
    followed[3].wait_for("report")
    assert not any("report" in stream.kinds() for stream in followed[:3])
    again = [
        streams.open(f"{made['url']}/events", cookie=viewer.cookie).status
        for made, viewer in zip(shares[:3], people[:3], strict=True)
    ]
    assert again == [404, 404, 401]
    owner.person.is_active = False
    owner.person.save()
    assert followed[3].wait_for_end(timeout_s=2)[-1].data == {"reason": "refused"}
    (folder / "end").touch()


def test_streams_of_shares_count_in_the_limits_of_who_looks(
    app: Flask, owner: Visitor, job: str, folder: Path, streams: Listeners
) -> None:
    """Not in the owner's: who looks on can't keep them from following their own jobs."""
    from flask_api.http.state import api_state

    bob, places = new_visitor(), api_state(app).streams._places.parked
    url = share(app, owner, job)["url"]
    stream = streams.open(f"{url}/events", cookie=bob.cookie)
    stream.wait_for("ready")
    assert set(places._taken) == {str(bob.person.pk)}
    (folder / "end").touch()
    stream.wait_for_end()


def test_owner_sees_who_looks_on(
    app: Flask,
    owner: Visitor,
    job: str,
    folder: Path,
    streams: Listeners,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a stream or by asking, each person once; not themselves, and not who has left. Nobody else
    is told."""
    from flask_api.jobs.sharing import onlookers
    from flask_api.streams import shared

    monkeypatch.setattr(shared, "NOTE_EVERY_S", 0.5)
    bob, carl = new_visitor(), new_visitor()
    url, asked = share(app, owner, job)["url"], f"/api/jobs/{job}/onlookers"
    assert looks(app, asked, owner).get_json() == {"count": 0, "people": []}
    looks(app, url, owner)
    watch = (bob, bob, owner)
    followed = [streams.open(f"{url}/events", cookie=each.cookie) for each in watch]
    looks(app, f"{url}/log", carl)
    names = sorted(each.person.username for each in (bob, carl))
    assert looks(app, asked, owner).get_json() == {"count": 2, "people": names}
    monkeypatch.setattr(onlookers, "NOW_S", 2.0)
    only_bob = {"count": 1, "people": [bob.person.username]}
    wait_until(lambda: looks(app, asked, owner).get_json() == only_bob, timeout_s=10)
    assert looks(app, asked, bob).status_code == 404
    for each in followed:
        each.hang_up()
    none = {"count": 0, "people": []}
    wait_until(lambda: looks(app, asked, owner).get_json() == none, timeout_s=10)
    (folder / "end").touch()
    ask(app, f"/api/jobs/{job}?wait=10", cookie=owner.cookie)
