"""Messages that carry one entry, in Celery's form, and what a worker of Celery reads of its queue
in Redis: nothing but these.

Celery's consumer ends at the first message that it can't read, and its begin waits for all attempts
that run. So each is judged before Celery sees it: its size first, then its form. What is handed on
is written anew, with the entry's text and an id, and nothing else that a message may ask for.
"""

import base64
import json
import logging
from queue import Empty
from typing import Any, NamedTuple

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from flask_api.jobs.workers.remote.entry import MAX_BYTES, REFUSALS

log = logging.getLogger("gatehouse.jobs")

TASK = "gatehouse.attempt"  # the only one there is
NO_ATTEMPT = "it is no attempt"
MOST_BYTES = 4 * MAX_BYTES  # of a message: the entry in base64, and Celery's headers
_MOST_ID = 100


class SentText(NamedTuple):
    """What of a message counts: its one argument, which is signed, and Celery's id of it."""

    signed: str
    entry_id: str


class AttemptChannel(kombu_redis.Channel):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's channel, but what is no attempt is dropped where it is read.

    Nothing is acknowledged: what a worker that dies was sent is sent again by who sent it. Celery
    would keep a list of it, and say so on a connection that may be gone, which ends its consumer.
    """

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Nothing: no list is kept."""

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Nothing: no list is kept."""

    def _brpop_read(self, **options: Any) -> bool:
        try:
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()  # or the next look would read its reply
                raise
            except ResponseError as error:
                # A primary that became a replica, say. Celery connects again when a connection
                # broke; at any other error it would end, and wait for all that runs.
                self.client.connection.disconnect()
                raise RedisConnectionError(str(error)) from error
            if not found:
                raise Empty
            list_name, text = found
            queue = list_name.decode().rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            message = read_message(text)
            if message is None:
                REFUSALS.note(NO_ATTEMPT)
            else:
                self.connection._deliver(message, queue)
            return True
        finally:
            self._in_poll = None


class AttemptTransport(kombu_redis.Transport):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's transport over such channels."""

    Channel = AttemptChannel

    def _reject_inbound_message(self, raw_message: object) -> None:
        """Leave what came while the consumer ended to who sent it: it is sent again."""


def read_only_attempts() -> None:
    """Have Celery read queues so in this process, which is a worker's."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{AttemptTransport.__name__}"


def read_message(text: bytes) -> dict[str, Any] | None:
    """Return a message that says the same as this one; None for what carries no entry."""
    if len(text) > MOST_BYTES:
        return None
    try:
        found = json.loads(text)
        tag = found["properties"]["delivery_tag"]
        body = base64.b64decode(found["body"], validate=True)
        sent = read_attempt(body, found["headers"], found["content-type"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    is_tag = isinstance(tag, str) and len(tag) <= _MOST_ID
    return None if sent is None or not is_tag else _message(sent, tag)


def read_attempt(body: bytes, headers: Any, content_type: object) -> SentText | None:
    """Return the one argument of a message and its id; None for what is no attempt."""
    try:
        (signed,) = json.loads(body)[0]
        found = SentText(signed, headers["id"])
        is_attempt = (
            headers["task"] == TASK
            and content_type == "application/json"
            and all(isinstance(each, str) for each in found)
            and len(found.entry_id) <= _MOST_ID
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return found if is_attempt else None


def attempt_headers(sent: SentText) -> dict[str, str]:
    """Return Celery's headers of an attempt, and nothing else that a message may ask for."""
    return {"lang": "py", "task": TASK, "id": sent.entry_id, "root_id": sent.entry_id}


def attempt_properties(sent: SentText) -> dict[str, Any]:
    """Return the properties of an attempt's message as AMQP names them: it outlives its broker."""
    return {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "correlation_id": sent.entry_id,
        "delivery_mode": 2,
        "application_headers": attempt_headers(sent),
    }


def attempt_body(sent: SentText) -> bytes:
    """Return the body of an attempt's message."""
    return json.dumps([[sent.signed], {}, {}]).encode()


def signed_text(body: bytes | str) -> object:
    """Return what :func:`attempt_body` was made of."""
    ((signed,), *_) = json.loads(body)
    return signed


def message_text(sent: SentText) -> str:
    """Return an attempt's message as Celery reads it from a list in Redis."""
    message = _message(sent, sent.entry_id)
    message["body"] = base64.b64encode(attempt_body(sent)).decode()
    message["properties"]["body_encoding"] = "base64"
    return json.dumps(message)


def _message(sent: SentText, tag: str) -> dict[str, Any]:
    return {
        "body": attempt_body(sent),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": attempt_headers(sent),
        "properties": {
            "correlation_id": sent.entry_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": ""},
            "priority": 0,
            "delivery_tag": tag,
        },
    }
