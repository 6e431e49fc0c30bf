"""A message that carries an entry, as a server writes it and a worker of Celery reads it."""

import json
from collections.abc import Iterator

import kombu
import pytest
from kombu.transport.virtual import Channel, Message

from flask_api.jobs.workers.remote.celery_messages import (
    TASK,
    SentText,
    message_text,
    read_message,
    signed_text,
)
from flask_api.jobs.workers.remote.entry import MAX_BYTES

SENT = SentText("x" * MAX_BYTES, "0197-1")


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A channel of kombu's own, which messages are read with."""
    with kombu.Connection("memory://") as connection:
        yield connection.channel()


def test_message_brings_the_text_that_was_sent(channel: Channel) -> None:
    """The largest one, too, by kombu's own reading of what is handed on."""
    read = read_message(message_text(SENT).encode())
    assert read is not None
    message = Message(read, channel=channel)
    assert signed_text(message.body) == SENT.signed
    assert message.headers["task"] == TASK
    assert message.headers["id"] == SENT.entry_id


def test_message_is_one_of_celerys(channel: Channel) -> None:
    """Who reads the queue with kombu alone reads the same: a worker of a version before this one
    does."""
    message = Message(json.loads(message_text(SENT)), channel=channel)
    assert message.payload == [[SENT.signed], {}, {}]


@pytest.mark.parametrize("name", ["body", "headers", "properties", "content-type"])
def test_message_without_one_of_its_parts_is_none(name: str) -> None:
    """It is refused before Celery sees it."""
    message = json.loads(message_text(SENT))
    del message[name]
    assert read_message(json.dumps(message).encode()) is None
