"""429 from what stands before the service: asked again later, and nothing is done twice."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from threading import Timer

import pytest

from gatehouse import Client, Executor, TooManyRequests, Unavailable
from gatehouse.protocol.flows import Delay, ask, delete
from gatehouse.protocol.requests import delete_job, submit_texts
from gatehouse.protocol.wire import REFUSED_ON_THE_WAY, ApiRequest, ApiResponse, StreamedBody
from gatehouse.transport.uploads import upload
from tests.client.conftest import new_keys
from tests.client.odd_server import Page
from tests.client.transport.test_answers import asking
from tests.e2e.service import ServiceProcess

PLACES = 3
BATCH = json.dumps({"id": "b", "task": "t", "total": 1, "counts": {}, "finished_at": None})
LOST = Page(202, BATCH, {"Content-Type": "application/json"}, cut=5)
FULL = Page(429, "Too Many Requests", {"Content-Type": "text/plain", "Retry-After": "0"})


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that holds three connections of one address."""
    folder = tmp_path_factory.mktemp("few-connections")
    with ServiceProcess(folder, address_connections=str(PLACES)) as running:
        yield running


def test_server_that_has_no_connection_left_is_asked_again(narrow: ServiceProcess) -> None:
    """It refuses before the API is reached; a moment later there is a place."""
    key = new_keys(narrow, count=1)[0]
    with ExitStack() as taken, Client(narrow.address, key, patience_s=10) as client:
        for _ in range(PLACES):
            taken.enter_context(socket.create_connection(("127.0.0.1", narrow.port)))
        with pytest.raises((TooManyRequests, Unavailable)):  # the refusal may come as a reset
            Client(narrow.address, key, patience_s=0).me()
        freed = Timer(0.5, taken.close)
        freed.start()
        assert client.me().username
        freed.join()


def test_proxy_that_refuses_is_asked_again() -> None:
    """Its page is no problem of the API's; for how long, its Retry-After says, else a second."""
    with asking(FULL, patience_s=0) as (_, client):
        with pytest.raises(TooManyRequests, match="It is too much: 429 'Too Many") as raised:
            client.me()
        assert (raised.value.code, raised.value.retry_after_s) == (REFUSED_ON_THE_WAY, 1)
    batch = Page(202, BATCH, {"Content-Type": "application/json"})
    with asking(FULL, batch, patience_s=5) as (server, client):
        assert client.submit_batch("t", [{}]).id == "b"
        keys = {each.headers["Idempotency-Key"] for each in server.asked}
        assert (len(server.asked), len(keys)) == (2, 1)


def test_call_whose_answer_was_lost_is_sent_again_as_it_was() -> None:
    """The service may have it; what refuses the second try hasn't looked."""
    wrong = Page(
        422,
        json.dumps({"code": "x", "detail": "No."}),
        {"Content-Type": "application/problem+json"},
    )
    with (
        asking(LOST, FULL, wrong) as (server, client),
        Executor(client, patience_s=10) as executor,
    ):
        assert executor.submit("t", limit=1).exception(20) is not None
        sent = [each.headers["Idempotency-Key"] for each in server.asked if "batches" in each.path]
    assert len(sent) == 3
    assert len(set(sent)) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("text/html", Unavailable), ("application/problem+json", TooManyRequests)],
)
def test_only_the_service_knows_that_nothing_was_accepted(
    kind: str, expected: type[Exception]
) -> None:
    """When patience ends after a lost answer, a refusal on the way leaves open what became of the
    request; the service's own comes after it had looked for its key."""
    flow = ask(submit_texts("t", ["{}"]), patience_s=0.5, waits_for_room=False)
    assert isinstance(next(flow), ApiRequest)
    assert isinstance(flow.throw(Unavailable("reset")), Delay)
    assert isinstance(next(flow), ApiRequest)
    with pytest.raises(expected):
        flow.send(_refused(**{"content-type": kind, "retry-after": "1"}))


def test_delete_waits_for_room_too() -> None:
    """As every other request."""
    flow = delete(delete_job("x"), patience_s=5)
    next(flow)
    assert isinstance(flow.send(_refused()), Delay)
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(ApiResponse(status=204, headers={}, body=b""))


def test_what_can_be_read_once_only_is_not_sent_again() -> None:
    """A pipe: the service would take what is left of it for the whole, an empty file maybe."""
    source = _Pipe(b"whole")
    flow = ask(upload(source, name="a.txt"), patience_s=5)
    request = next(flow)
    assert isinstance(request, ApiRequest)
    assert isinstance(request.body, StreamedBody)
    assert list(request.body.chunks()) == [b"whole"]
    with pytest.raises(TooManyRequests):
        flow.send(_refused(**{"content-type": "text/html"}))


class _Pipe(BytesIO):
    def seekable(self) -> bool:
        return False


def _refused(**headers: str) -> ApiResponse:
    return ApiResponse(status=429, headers=headers, body=b'{"code": "queue_full"}')
