"""A broker that takes connections and says next to nothing holds up no stop."""

import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.worker_process import REMOTE
from tests.waiting import wait_until

_LONGEST_S = 20.0
# The begin of a frame that is announced to be longer than what comes.
_FRAME = bytes((1, 0, 0, 0, 0, 4, 0)) + bytes(200)


class _HungBroker:
    """Sends a byte of its first frame four times a second: no read of it takes too long."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self.is_asked = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"amqp://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # nobody came
            return
        self.is_asked.set()
        with connection:
            for byte in _FRAME:
                try:
                    connection.send(bytes((byte,)))
                except OSError:
                    break
                if self._ended.wait(0.25):
                    break

    @property
    def hangs(self) -> bool:
        """Whether it has not broken off."""
        return not self._ended.is_set()

    def close(self) -> None:
        """Break off."""
        self._ended.set()
        self._listener.close()
        self._thread.join()


@pytest.fixture
def hung_broker() -> Iterator[_HungBroker]:
    """One that hangs until the test ends."""
    broker = _HungBroker()
    yield broker
    broker.close()


def test_server_stops_in_time_though_its_broker_hangs(
    bench: EngineBench, hung_broker: _HungBroker
) -> None:
    """What is being sent is broken off: nobody knows how long that would take."""
    url = SecretStr(hung_broker.url)
    engine = bench.start(executors={"processes": "celery"}, celery_broker_url=url, **REMOTE)
    bench.submit(engine, "child.echo")
    wait_until(hung_broker.is_asked.is_set, timeout_s=10, what="the broker is asked")
    ended = threading.Timer(_LONGEST_S, hung_broker.close)
    ended.start()
    try:
        bench.stop(engine)
        assert hung_broker.hangs, "the stop waited until the broker broke off"
    finally:
        ended.cancel()
