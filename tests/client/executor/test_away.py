"""A service that is away costs an executor its patience once,
however many batches and calls wait for it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait

import pytest

from flask_api.testing.clock import FakeClock
from gatehouse import Client, Executor, Unavailable
from gatehouse.executor.remote_future import RemoteFuture
from gatehouse.executor.result_collector import SAFETY_S
from gatehouse.executor.service_patience import ServicePatience
from tests.client.conftest import SOON_S
from tests.e2e.service import ServiceProcess
from tests.integration.redis.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.waiting import wait_until

PATIENCE_S = 3.0
# A patience for each of six would be eighteen seconds.
IN_TIME_S = 2 * PATIENCE_S + 2
AWAY = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture
def proxy(service: ServiceProcess) -> Iterator[FaultProxy]:
    """A way to the service that breaks on request."""
    with fault_proxy(("127.0.0.1", service.port)) as made:
        yield made


@pytest.fixture
def far_executor(proxy: FaultProxy, key: str) -> Iterator[Executor]:
    """An executor that goes through the proxy."""
    with (
        Client(f"http://127.0.0.1:{proxy.port}", key, timeout_s=1) as client,
        Executor(client, patience_s=PATIENCE_S) as made,
    ):
        yield made


def answer_503(proxy: FaultProxy) -> None:
    """As a proxy does whose service is away."""
    proxy.answers[b" HTTP/1.1"] = AWAY
    proxy.cut()


def refuse(proxy: FaultProxy) -> None:
    """As a machine does where nothing listens."""
    proxy.fault = Fault.REFUSE
    proxy.cut()


def fall_silent(proxy: FaultProxy) -> None:
    """As a network does that lost its way."""
    proxy.fault = Fault.BLACK_HOLE


def held(executor: Executor, gate: object) -> Future[int]:
    """Submit a job that goes on, as a batch of its own."""
    future = executor.submit("sample.hold", str(gate))
    assert isinstance(future, RemoteFuture)
    wait_until(lambda: future.place is not None, timeout_s=SOON_S, what="it is accepted")
    return future


@pytest.mark.parametrize(
    ("go_away", "noticed_s"), [(answer_503, 0), (refuse, 0), (fall_silent, SAFETY_S)]
)
def test_open_batches_wait_for_the_service_together(
    proxy: FaultProxy,
    far_executor: Executor,
    gate: object,
    go_away: Callable[[FaultProxy], None],
    noticed_s: float,
) -> None:
    """Six of them, asked for one after the other: each fails when the patience is over. That the
    stream has fallen silent is noticed by the next look at them."""
    futures = [held(far_executor, gate) for _ in range(6)]
    began = time.monotonic()
    go_away(proxy)
    assert not wait(futures, timeout=noticed_s + IN_TIME_S).not_done
    assert time.monotonic() - began >= PATIENCE_S / 2, "they were waited for"
    assert [type(future.exception(0)) for future in futures] == [Unavailable] * 6
    proxy.answers.clear()
    proxy.fault = Fault.NONE


def test_calls_that_were_not_sent_wait_for_the_service_together(
    proxy: FaultProxy, far_executor: Executor
) -> None:
    """Of six tasks, each a request of its own; one that comes when they have failed is waited
    for, and succeeds when the service is back."""
    refuse(proxy)
    futures = [far_executor.submit(f"no.such{number}", number=number) for number in range(6)]
    assert not wait(futures, timeout=IN_TIME_S).not_done
    assert [type(future.exception(0)) for future in futures] == [Unavailable] * 6
    later = far_executor.submit("client.square", number=5)
    assert not wait([later], timeout=0.3).done
    proxy.fault = Fault.NONE
    assert later.result(SOON_S) == 25


def test_batch_whose_answers_break_off_fails_alone(
    proxy: FaultProxy, far_executor: Executor, gate: object
) -> None:
    """The others are answered meanwhile: the service is there."""
    broken, other = held(far_executor, gate), held(far_executor, gate)
    assert isinstance(broken, RemoteFuture)
    assert broken.place is not None
    proxy.answers[f"batches/{broken.place.batch}/results".encode()] = AWAY
    proxy.cut()
    assert isinstance(broken.exception(IN_TIME_S), Unavailable)
    assert not other.done()
    proxy.answers.clear()


def test_patience_begins_anew_with_each_answer_and_for_what_came_later() -> None:
    """It counts from the first question without an answer, and for a call from when it came."""
    clock, away = FakeClock(100.0), Unavailable("away")
    patience = ServicePatience(10, clock=clock)
    assert patience.left_s(waits_since=0) == 10
    patience.unanswered(asked_at=100)
    clock.advance(8)
    assert (patience.left_s(waits_since=0), patience.left_s(waits_since=107)) == (2, 9)
    patience.pause_after(away)
    clock.advance(9)
    assert patience.left_s(waits_since=0) == 0
    patience.answered()
    assert patience.left_s(waits_since=0) == 10
    patience.pause_after(away)
    clock.advance(11)
    with pytest.raises(Unavailable):
        patience.pause_after(away)
