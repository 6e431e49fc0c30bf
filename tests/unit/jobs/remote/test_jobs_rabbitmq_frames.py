"""What arrives from RabbitMQ is bounded before it is kept: by frames, as amqp reads them."""

from struct import pack
from types import SimpleNamespace

import amqp
import pytest
from amqp import spec

from flask_api.jobs.workers.remote.celery_messages import MOST_BYTES
from flask_api.jobs.workers.remote.rabbitmq_messages import small_messages

_METHOD, _HEADER, _BODY = 1, 2, 3
_BASIC = 60


def header(size: int, properties: bytes = b"\0\0") -> bytes:
    """Return a frame of a message's header."""
    return pack(">HHQ", _BASIC, 0, size) + properties


def nested(depth: int) -> bytes:
    """Return properties whose headers are tables in tables, as deep as that."""
    table = b""
    for _ in range(depth):
        inner = b"\1aF" + pack(">I", len(table)) + table
        table = inner
    return pack(">H", 1 << 13) + pack(">I", len(table)) + table


@pytest.mark.parametrize(
    ("head", "bodies"),
    [
        (header(MOST_BYTES + 1), [bytes(MOST_BYTES), b"x"]),
        (header(5_000_000), [bytes(100_000)] * 50),
        (header(2**63), []),
        (header(4, b"\xff\xff\xff"), [b"body"]),
        (header(4, nested(1_000)), [b"body"]),
        (header(0, b"\x20\0" + pack(">I", 100_000) + bytes(100_000)), []),
    ],
    ids=["large", "megabytes", "endless", "cut off", "deep", "large properties"],
)
def test_message_that_is_too_large_or_unreadable_is_empty_and_the_next_one_whole(
    head: bytes, bodies: list[bytes]
) -> None:
    """Nothing of it is kept, and nothing raises; what comes behind it is read as ever."""
    got: list[tuple[object, bytes, dict[str, object]]] = []

    def take(channel: int, method: object, arguments: object, message: amqp.Message) -> None:
        got.append((method, bytes(message.body or b""), message.properties))

    connection = SimpleNamespace(bytes_recv=0)
    read = small_messages(connection, take)
    deliver = pack(">HH", *spec.Basic.Deliver)
    frames = [(_METHOD, deliver), (_HEADER, head), *((_BODY, body) for body in bodies)]
    for kind, content in frames:
        read((kind, 1, content))
    assert connection.bytes_recv == len(frames), "heartbeats are missed where nothing is counted"
    assert got == [(spec.Basic.Deliver, b"", {})]
    if sum(map(len, bodies)) in (MOST_BYTES + 1, 5_000_000, 4):
        for kind, content in ((_METHOD, deliver), (_HEADER, header(4)), (_BODY, b"next")):
            read((kind, 1, content))
        assert got[1:] == [(spec.Basic.Deliver, b"next", {})]
