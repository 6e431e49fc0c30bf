"""A service with narrow limits: an executor waits and goes on,
with smaller batches and without a stream."""

import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gatehouse import Client, Executor, InvalidRequest, NotLoggedIn, Unavailable
from gatehouse.executor.result_collector import SAFETY_S
from tests.client.conftest import TASK_MODULES
from tests.e2e.service import ServiceProcess
from tests.waiting import wait_until

SOON_S = 30
RUNNING_LIMIT = 12  # jobs of one person at once, by default


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Forty unfinished jobs, fifteen in a batch of four kilobytes, no stream, no wait."""
    limits = {
        "job_person_limit": "40",
        "batch_max": "15",
        "batch_body_max_bytes": "4096",
        "max_streams": "0",
    }
    folder = tmp_path_factory.mktemp("narrow-service")
    with ServiceProcess(folder, task_modules=TASK_MODULES, max_wait_s="0", **limits) as running:
        yield running


@pytest.fixture(scope="module")
def people(narrow: ServiceProcess) -> list[dict[str, str]]:
    """Two people there."""
    made: list[dict[str, str]] = json.loads(narrow.run("-m", "tests.e2e.site_side", "people", "2"))
    return made


@pytest.fixture
def client(narrow: ServiceProcess, people: list[dict[str, str]]) -> Iterator[Client]:
    """A client of that service."""
    with Client(narrow.address, people[0]["key"], patience_s=5) as made:
        yield made


def test_more_calls_than_the_service_takes_all_get_their_result(client: Client) -> None:
    """Refused for their number, their size and the limit of unfinished jobs,
    calls wait and go on in smaller batches."""
    texts = [f"{number} " + "x" * 500 for number in range(60)]
    with Executor(client) as executor:
        assert list(executor.map("sample.echo", texts)) == [[text] for text in texts]
        numbers = range(300)
        assert list(executor.map("client.square", numbers)) == [
            number * number for number in numbers
        ]


def test_calls_beyond_the_limit_of_unfinished_jobs_wait_here(
    client: Client, tmp_path: Path
) -> None:
    """The service refuses what is too much while forty are held;
    as they end, the others are accepted, each once."""
    with Executor(client) as executor:
        futures = [executor.submit("sample.hold", str(tmp_path / "gate")) for _ in range(60)]
        wait_until(lambda: len(_runs(tmp_path)) == RUNNING_LIMIT, timeout_s=SOON_S)
        assert not any(future.done() for future in futures)
        (tmp_path / "gate").touch()
        assert [future.result(SOON_S) for future in futures] == [1] * 60
    assert len(_runs(tmp_path)) == 60


def test_call_that_is_too_large_alone_is_refused(client: Client) -> None:
    """The others go on."""
    with Executor(client) as executor:
        large, small = (
            executor.submit("sample.echo", "x" * 5000),
            executor.submit("sample.echo", "x"),
        )
        assert isinstance(large.exception(SOON_S), InvalidRequest)
        assert small.result(SOON_S) == ["x"]


def test_calls_beyond_the_limit_can_be_cancelled_while_they_wait_here(
    client: Client, tmp_path: Path
) -> None:
    """A shutdown that cancels ends at once, though the service has no room."""
    executor = Executor(client)
    held = [executor.submit("sample.hold", str(tmp_path / "gate")) for _ in range(60)]
    wait_until(
        lambda: sum(future.done() for future in held) == 0 and (tmp_path / "gate.runs").exists(),
        timeout_s=SOON_S,
    )
    threading.Timer(1, (tmp_path / "gate").touch).start()
    executor.shutdown(cancel_futures=True)
    assert 0 < sum(not future.cancelled() for future in held) <= 40
    assert all(future.done() for future in held)


def test_several_batches_without_a_stream_are_all_seen(client: Client, tmp_path: Path) -> None:
    """A short one is not held up by the long one that is polled."""
    with Executor(client) as executor:
        slow = executor.submit("sample.hold", str(tmp_path / "gate"))
        assert executor.submit("client.square", 4).result(SAFETY_S - 2) == 16, (
            "polled, not only looked at for safety"
        )
        assert not slow.done()
        (tmp_path / "gate").touch()
        assert slow.result(SOON_S) == 1


def test_stream_without_a_place_is_unavailable_and_watching_polls(client: Client) -> None:
    """events() says so; watch() goes on without."""
    client.patience_s = 0
    job = client.submit("sample.steps", count=3, step_s=0.1)
    with pytest.raises(Unavailable) as raised:
        next(client.events())
    assert raised.value.code == "too_many_streams"
    told = list(job.watch())
    assert told[-1].result() == 3
    assert [one for one, next_ in pairwise(told) if one == next_] == [], "it had changed"


def test_wait_without_long_polls_still_waits(client: Client) -> None:
    """A service that may not hold requests is looked at now and then."""
    assert client.submit("sample.steps", count=3, step_s=0.1).result(SOON_S) == 3
    batch = client.submit_batch("client.square", [{"number": number} for number in range(10)])
    assert {each.result() for each in batch.results(timeout_s=SOON_S)} == {
        number * number for number in range(10)
    }


def test_key_revoked_while_calls_wait_fails_them(
    narrow: ServiceProcess, people: list[dict[str, str]], tmp_path: Path
) -> None:
    """Every future says that the log-in is gone; none hangs."""
    with (
        Client(narrow.address, people[1]["key"], patience_s=5) as client,
        Executor(client) as executor,
    ):
        futures = [executor.submit("sample.hold", str(tmp_path / "gate")) for _ in range(3)]
        wait_until((tmp_path / "gate.runs").exists, timeout_s=SOON_S)
        narrow.run("-m", "tests.e2e.site_side", "change", "revoke_keys", people[1]["id"])
        assert [type(future.exception(SOON_S)) for future in futures] == [NotLoggedIn] * 3
    (tmp_path / "gate").touch()


def _runs(folder: Path) -> list[str]:
    file = folder / "gate.runs"
    return file.read_text().split() if file.exists() else []
