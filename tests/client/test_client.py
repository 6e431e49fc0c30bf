"""The client against the real service: jobs, batches, files, events."""

import io
from pathlib import Path

import pytest

from gatehouse import (
    Client,
    Conflict,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    NotFound,
    NotLoggedIn,
    WaitTimedOut,
)
from tests.e2e.service import ServiceProcess
from tests.waiting import wait_until

SOON_S = 15


def test_job_gives_its_result(client: Client) -> None:
    """What a script does first, with arguments by name or as a mapping."""
    job = client.submit("primes.sum", limit=100)
    assert job.result(SOON_S) == 1060
    assert (job.status, job.task) == ("succeeded", "primes.sum")
    assert client.submit("primes.sum", {"limit": 10}).result(SOON_S) == 17
    assert client.job(job.id).result(SOON_S) == 1060
    with pytest.raises(TypeError, match=r"a mapping, or each is given by its name: 5 is neither"):
        client.submit("primes.sum", 5)  # type: ignore[arg-type]  # as to an Executor
    with pytest.raises(TypeError, match="in one way"):
        client.submit("primes.sum", {"limit": 10}, limit=10)


def test_person_and_tasks_are_told(client: Client) -> None:
    """Who the key acts as; the parameters in the order of the function's signature."""
    me = client.me()
    assert me.raw["credential"]["kind"] == "key"
    parameters = {task.name: task.parameters for task in client.tasks()}
    assert parameters["client.join"] == ("first", "second", "third")


def test_wait_that_is_too_short_leaves_the_job_running(client: Client, tmp_path: Path) -> None:
    """WaitTimedOut is a TimeoutError; the job ends when it does."""
    job = client.submit("sample.hold", path=str(tmp_path / "gate"))
    with pytest.raises(TimeoutError) as raised:
        job.wait(0.3)
    assert isinstance(raised.value, WaitTimedOut)
    assert job.refresh().status == "running"
    (tmp_path / "gate").touch()
    assert job.wait(SOON_S).result() == 1


def test_failed_job_says_what_was_raised_and_can_be_retried(client: Client) -> None:
    """The errors of each attempt are there."""
    job = client.submit("sample.refuse", message="not today")
    with pytest.raises(JobFailed, match="TaskError: not today") as raised:
        job.result(SOON_S)
    assert raised.value.job == job.id
    assert [attempt["attempt"] for attempt in raised.value.error.attempts] == [1]
    assert job.retry().status in ("queued", "running", "failed")
    assert job.wait(SOON_S).status == "failed"


def test_cancelled_job_has_no_result(client: Client, tmp_path: Path) -> None:
    """A second cancel is refused: it has ended."""
    job = client.submit("sample.hold", path=str(tmp_path / "gate"), delay_s=1000)
    assert job.cancel().status == "cancelled"
    with pytest.raises(JobCancelled):
        job.result(SOON_S)
    with pytest.raises(Conflict):
        job.cancel()


def test_log_files_and_progress_are_read(client: Client, tmp_path: Path) -> None:
    """A file comes whole, into a folder or under another name."""
    job = client.submit("sample.words", folder=str(tmp_path))
    job.wait(SOON_S)
    assert job.log()[0]["message"] == "plain"
    assert job.progress is not None
    assert job.progress["done"] == 2
    assert {file.name: file.size for file in job.files()} == {
        "text.txt": 7,
        "data.bin": 2,
        "table.csv": 4,
    }
    assert job.download("text.txt", tmp_path).read_text() == "text é"
    assert job.download("data.bin", tmp_path / "other").read_bytes() == b"\x00\xff"
    with pytest.raises(NotFound):
        job.download("nothing.txt", tmp_path / "nothing.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "source.csv", "text.txt"]


def test_listing_goes_through_all_pages(service: ServiceProcess, keys: list[str]) -> None:
    """More jobs than a page has; filters are the service's.
    Their results are fetched when they are asked for."""
    with Client(service.address, keys[1]) as client:
        submitted = [client.submit("client.square", number=number) for number in range(105)]
        submitted[-1].wait(SOON_S)
        assert [job.id for job in client.jobs()] == [job.id for job in reversed(submitted)]
        assert next(client.jobs(task="client.square")).result(SOON_S) == 104 * 104
        assert list(client.jobs(task="primes.sum")) == []


def test_same_idempotency_key_is_one_job(client: Client) -> None:
    """Given by the script itself, when it wants to repeat over its own restarts."""
    first = client.submit("client.square", number=3, idempotency_key="mine-1")
    assert client.submit("client.square", number=3, idempotency_key="mine-1").id == first.id
    with pytest.raises(InvalidRequest):
        client.submit("client.square", number=4, idempotency_key="mine-1")


def test_job_of_another_person_is_not_found(
    service: ServiceProcess, client: Client, keys: list[str]
) -> None:
    """As if it were not there."""
    job = client.submit("client.square", number=3)
    with Client(service.address, keys[2]) as stranger, pytest.raises(NotFound):
        stranger.job(job.id)


def test_batch_yields_results_as_they_end_or_in_order(client: Client) -> None:
    """Each says where in the batch it was."""
    batch = client.submit_batch("client.square", [{"number": number} for number in range(250)])
    results = list(batch.results(order="submission", timeout_s=SOON_S))
    assert [(each.position, each.result()) for each in results] == [
        (number, number * number) for number in range(250)
    ]
    assert {each.position for each in batch.results()} == set(range(250))
    assert batch.refresh().has_ended
    assert batch.counts["succeeded"] == 250


def test_batch_with_a_job_that_goes_on_times_out(client: Client, tmp_path: Path) -> None:
    """What has ended was yielded; cancelling the batch ends the rest."""
    batch = client.submit_batch("sample.hold", [{"path": str(tmp_path / "gate")}] * 2)
    with pytest.raises(WaitTimedOut, match="0 of the 2 jobs ended in 1 s"):
        list(batch.results(timeout_s=1))
    batch.cancel()
    assert [each.status for each in batch.results(timeout_s=SOON_S)] == ["cancelled", "cancelled"]


def test_wrong_set_of_a_batch_is_named(client: Client) -> None:
    """None is accepted then."""
    with pytest.raises(InvalidRequest) as raised:
        client.submit_batch("client.square", [{"number": 1}, {"number": -1}])
    assert [problem.where for problem in raised.value.problems] == ["/arguments/1/number"]


def test_uploaded_file_is_described(client: Client, tmp_path: Path) -> None:
    """By its path, with its size known; from a stream, in pieces of unknown number."""
    path = tmp_path / "words.txt"
    path.write_text("one two\n" * 100_000)
    sent = client.upload(path)
    assert (sent.name, sent.size, sent.media_type) == ("words.txt", 800_000, "text/plain")
    sent = client.upload(io.BytesIO(b"three"), name="more.txt")
    assert (sent.name, sent.size) == ("more.txt", 5)
    assert client.upload(io.BytesIO(b"")).name == "upload"


def test_events_of_a_job_tell_it_all(client: Client, tmp_path: Path) -> None:
    """First how it stands, then what happens; the stream ends with the job,
    and is over at once for one that has ended."""
    job = client.submit("sample.hold", path=str(tmp_path / "gate"))
    statuses = []
    for event in job.events():
        if event.kind == "status":
            statuses.append(event.data["status"])
            (tmp_path / "gate").touch()
    assert statuses[-1] == "succeeded"
    assert [event.data["status"] for event in job.events() if event.kind == "status"] == [
        "succeeded"
    ]


def test_watched_job_is_seen_until_its_end(client: Client) -> None:
    """The record comes whenever it changed, last with the result."""
    job = client.submit("sample.steps", count=5, step_s=0.1)
    records = list(job.watch())
    assert records[-1].result() == 5
    assert any(record.progress and record.progress["done"] < 5 for record in records)


def test_events_go_on_after_the_last_one(client: Client) -> None:
    """Nothing is missed between two streams."""
    events = client.events()
    assert next(events).kind == "ready"
    first = client.submit("client.square", number=1)
    seen = next(event for event in events if event.data.get("job") == first.id)
    second = client.submit("client.square", number=2)
    second.wait(SOON_S)
    again = client.events(last_event_id=seen.id)
    wait_until(lambda: next(again).data.get("job") == second.id, timeout_s=SOON_S)


def test_stream_ends_when_its_key_is_revoked(service: ServiceProcess, keys: list[str]) -> None:
    """Who follows learns within seconds that the key is gone."""
    with Client(service.address, keys[3]) as client:
        events = client.events()
        assert next(events).kind == "ready"
        person = client.me().id
        service.run("-m", "tests.e2e.site_side", "change", "revoke_keys", person)
        with pytest.raises(NotLoggedIn):
            next(events)
