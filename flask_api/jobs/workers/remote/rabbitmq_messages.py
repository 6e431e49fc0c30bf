"""What a worker of Celery reads of its queue in RabbitMQ: nothing but messages that carry one
entry (.celery_messages).

A message that is larger than one, or whose properties can't be read, is emptied while its frames
arrive: it takes no memory here and does not end the connection. It is refused as all are that carry
no entry, before Celery sees them.
"""

import logging
from collections.abc import Callable
from struct import unpack_from
from typing import Any, ClassVar

import amqp
from amqp.method_framing import frame_handler
from kombu.transport import TRANSPORT_ALIASES, pyamqp

from flask_api.jobs.workers.remote.celery_messages import (
    MOST_BYTES,
    NO_ATTEMPT,
    attempt_body,
    attempt_properties,
    read_attempt,
)
from flask_api.jobs.workers.remote.entry import REFUSALS

log = logging.getLogger("gatehouse.jobs")

_HEADER, _BODY = 2, 3  # types of frames
_FIXED = 12  # bytes of a header before the properties: class, weight, and the body's size
_NOTHING = bytes(8 + 2)  # no body, no properties

Frame = tuple[int, int, Any]  # its type, its channel, its bytes


class RabbitChannel(pyamqp.Channel):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's channel, but what is no attempt is dropped where it is read.

    Its connection is used by one thread, the consumer's: Celery's others would wait on it.
    """

    def __init__(self, connection: Any, channel_id: Any = None, on_open: Any = None) -> None:
        # not decoded as the message asks for
        super().__init__(connection, channel_id, auto_decode=False, on_open=on_open)

    def basic_consume(self, *args: Any, callback: Any = None, **options: Any) -> Any:
        """Listen to a queue; once the broker has said so, entries may be sent."""

        def judge(raw: Any) -> None:
            if keep_attempt(raw):
                callback(raw)
            else:
                REFUSALS.note(NO_ATTEMPT)

        answer = super().basic_consume(*args, callback=judge, **{**options, "nowait": False})
        self.connection.is_heard = True
        RabbitConnection.listens(True)
        return answer

    def basic_ack(self, delivery_tag: Any, multiple: bool = False, **_: Any) -> None:
        """Nothing: the broker counts a message as acknowledged when it sends it. A channel that was
        closed has forgotten that, and would say it on a connection that is gone."""

    def basic_reject(self, delivery_tag: Any, requeue: bool = False, **_: Any) -> None:
        """Nothing, as with ``basic_ack``."""


class RabbitConnection(pyamqp.Connection):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's connection, which keeps no more of a message than an attempt may have."""

    Channel = RabbitChannel
    listens: ClassVar[Callable[[bool], None]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, frame_handler=small_messages, **options)
        self.is_heard = False

    def collect(self) -> None:
        """Let go of a connection, be it dead or not: nothing more is heard of it."""
        if self.is_heard:
            self.is_heard = False
            RabbitConnection.listens(False)
        super().collect()


class RabbitTransport(pyamqp.Transport):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's transport over such connections, with TLS when its settings say so."""

    Connection = RabbitConnection


def read_only_attempts(listens: Callable[[bool], None]) -> None:
    """Have Celery read queues so in this process, which is a worker's, and say when it begins to
    listen and when it can't any more."""
    RabbitConnection.listens = staticmethod(listens)
    for scheme in ("amqp", "amqps"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{RabbitTransport.__name__}"


def keep_attempt(raw: Any) -> bool:
    """Reduce a message to what an attempt has; False for what carries no entry."""
    given = raw.properties
    sent = read_attempt(
        bytes(raw.body or b""), given.get("application_headers"), given.get("content_type")
    )
    if sent is None:
        return False
    raw.body, raw.properties = attempt_body(sent), attempt_properties(sent)
    return True


def small_messages(connection: Any, callback: Any) -> Callable[[Frame], bool]:
    """Return amqp's reader of frames, for which large and unreadable messages are empty."""
    read = frame_handler(connection, callback)
    skipped: dict[int, int] = {}  # bytes of a body that are still to come, by channel

    def on_frame(frame: Frame) -> bool:
        kind, channel, content = frame
        if kind == _BODY and channel in skipped:
            connection.bytes_recv += 1
            skipped[channel] -= len(content)
            if skipped[channel] <= 0:
                del skipped[channel]
            return False
        if kind == _HEADER and not _is_small(content):
            (size,) = unpack_from(">Q", content, 4)
            if size:
                skipped[channel] = size
            frame = (kind, channel, bytes(content[:4]) + _NOTHING)
        return bool(read(frame))

    return on_frame


def _is_small(header: Any) -> bool:
    """Tell whether a message's header says that it is not larger than an attempt's, and can be
    read."""
    (size,) = unpack_from(">Q", header, 4)
    if size > MOST_BYTES or len(header) - _FIXED > MOST_BYTES:
        return False
    try:
        amqp.Message().inbound_header(header)
    except Exception:  # of a stranger's bytes
        return False
    return True
