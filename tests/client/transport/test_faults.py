"""The way to the service breaks in every way there is:
nothing is lost, nothing is done twice, nothing hangs."""

from collections.abc import Generator, Iterator
from concurrent.futures import wait
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar, cast

import httpx
import pytest

from gatehouse import Client, Executor, Unavailable
from tests.client.conftest import PLACES
from tests.e2e.service import ServiceProcess
from tests.integration.redis.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.waiting import wait_until

ItemT = TypeVar("ItemT")

SOON_S = 20
_COUNTER = "gatehouse_http_requests_total"


@pytest.fixture
def proxy(service: ServiceProcess) -> Iterator[FaultProxy]:
    """A way to the service that breaks on request."""
    with fault_proxy(("127.0.0.1", service.port)) as made:
        yield made


@pytest.fixture
def far_client(proxy: FaultProxy, key: str) -> Iterator[Client]:
    """A client that goes through the proxy."""
    with Client(f"http://127.0.0.1:{proxy.port}", key, timeout_s=2, patience_s=10) as made:
        yield made


def test_submit_whose_reply_is_lost_is_one_job(
    proxy: FaultProxy, far_client: Client, tmp_path: Path
) -> None:
    """It is sent again with the same key; the job runs once."""
    file = tmp_path / "ran"
    proxy.lose_reply_to = b"POST /api/jobs"
    job = far_client.submit("sample.note", path=str(file), word="once")
    assert job.result(SOON_S) == "once"
    assert proxy.connections == 2
    assert file.read_text() == "once\n"


def test_batch_whose_reply_is_lost_is_one_batch(
    proxy: FaultProxy, far_client: Client, tmp_path: Path
) -> None:
    """Of the calls of an executor none is lost and none runs twice."""
    file = tmp_path / "ran"
    proxy.lose_reply_to = b"POST /api/batches"
    with Executor(far_client, patience_s=10) as executor:
        words = [f"word {number}" for number in range(50)]
        assert list(executor.map("sample.note", [str(file)] * 50, words, chunksize=50)) == words
    assert sorted(file.read_text().splitlines()) == sorted(words)


def test_calls_wait_for_a_service_that_comes_back(proxy: FaultProxy, far_client: Client) -> None:
    """Refused at first; then it is there again."""
    proxy.fault = Fault.REFUSE
    with Executor(far_client, patience_s=30) as executor:
        futures = [executor.submit("client.square", number) for number in range(5)]
        done, _ = wait(futures, timeout=0.5)
        assert not done
        proxy.fault = Fault.NONE
        assert [future.result(SOON_S) for future in futures] == [0, 1, 4, 9, 16]


def test_broken_connections_on_the_way_change_nothing(
    proxy: FaultProxy, far_client: Client, tmp_path: Path
) -> None:
    """Stream and results are cut again and again while jobs end: each outcome arrives, once."""
    with Executor(far_client, patience_s=10) as executor:
        futures = [executor.submit("sample.hold", str(tmp_path / "gate")) for _ in range(10)]
        wait_until((tmp_path / "gate.runs").exists, timeout_s=SOON_S)
        proxy.cut()
        futures += [executor.submit("client.square", number) for number in range(100)]
        proxy.cut()
        (tmp_path / "gate").touch()
        assert [future.result(SOON_S) for future in futures] == [1] * 10 + [
            number * number for number in range(100)
        ]


def test_service_that_stays_away_is_unavailable_in_time(
    proxy: FaultProxy, far_client: Client, tmp_path: Path
) -> None:
    """Calls that were sent and calls that were not:
    none waits for ever, and the executor shuts down."""
    with Executor(far_client, patience_s=1) as executor:
        sent = executor.submit("sample.hold", str(tmp_path / "gate"))
        wait_until((tmp_path / "gate.runs").exists, timeout_s=SOON_S)
        proxy.fault = Fault.REFUSE
        proxy.cut()
        unsent = executor.submit("client.square", 1)
        assert isinstance(unsent.exception(SOON_S), Unavailable)
        assert isinstance(sent.exception(SOON_S), Unavailable)
        assert not sent.cancel()
    (tmp_path / "gate").touch()


def test_silent_service_is_given_up(proxy: FaultProxy, key: str) -> None:
    """Requests vanish: each is bounded by its time-out, all of them by patience."""
    proxy.fault = Fault.BLACK_HOLE
    with Client(f"http://127.0.0.1:{proxy.port}", key, timeout_s=0.3, patience_s=1) as client:
        with pytest.raises(Unavailable, match="gave no answer in time"):
            client.me()
        with Executor(client, patience_s=1) as executor:
            assert isinstance(executor.submit("client.square", 1).exception(SOON_S), Unavailable)


def test_executor_without_a_place_to_wait_asks_now_and_then(
    service: ServiceProcess, client: Client, gate: Path
) -> None:
    """Others hold every stream and every long-poll, so the service answers at once:
    no request follows on the other's heels."""
    client.patience_s = 0
    ended = gate.with_name("ended")
    ended.touch()
    batch = client.submit_batch("sample.hold", [{"path": str(ended)}, {"path": str(gate)}])
    with ExitStack() as held, Executor(client) as executor:
        for _ in range(PLACES // 2):
            assert next(_held(held, batch.results())).result() == 1
        with suppress(Unavailable):
            while True:
                next(_held(held, client.events()))
        future = executor.submit("sample.hold", str(gate))
        wait([future], timeout=0.5)
        before = _asked_for_results(service)
        wait([future], timeout=1.5)
        assert _asked_for_results(service) - before <= 10
        assert len(list(executor.map("client.square", range(100), timeout=SOON_S))) == 100
        gate.touch()
        assert future.result(SOON_S) == 1


def _held(held: ExitStack, answer: Iterator[ItemT]) -> Iterator[ItemT]:
    """Close the generator, and with it its connection, in the end."""
    held.callback(cast("Generator[ItemT]", answer).close)
    return answer


def _asked_for_results(service: ServiceProcess) -> float:
    metrics = httpx.get(f"{service.address}/api/metrics", trust_env=False).text
    return sum(
        float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith(_COUNTER) and "batches.results" in line
    )
