"""RabbitMQ as Celery's broker: how entries get there, and what a worker's queue is.

A worker's queue is durable, bounded, and goes when nobody has listened for a minute, so what was
sent to a dead worker does not stay. Each entry is persistent and ``mandatory``: it counts as sent
when the broker has confirmed it, and one for which there is no queue is told. Whatever the broker
forgets all the same is sent again (.sent): what was accepted is in the jobs' Redis alone.
"""

import logging
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import amqp
import kombu

from flask_api.jobs.workers.remote.carrier import ENTRY_KEPT_S
from flask_api.jobs.workers.remote.celery_messages import (
    SentText,
    attempt_body,
    attempt_properties,
)
from shared.settings.fields import AMQP_OPTIONS

log = logging.getLogger("gatehouse.jobs")

_PREFIX = "gatehouse."  # of queues, in a virtual host that others may use too
_CONNECT_S = 3
_ANSWER_S = 3  # for a confirmation: a broker whose memory or disk is full gives none
_HEARTBEAT_S = 6  # of a worker: who was cut off hears it after twice that
_QUEUE_KEPT_S = 60
_MOST_ENTRIES = 1_000
_PERMISSIONS = {
    "Queue.declare": "configure queues named gatehouse.*",
    "Basic.consume": "read queues named gatehouse.*",
    "Basic.publish": "write to the exchange amq.default",
}
_NOWHERE = "gatehouse-probe"  # no queue has this name


class RabbitMqCarrier:
    """Publishes entries to RabbitMQ, in Celery's form. Thread-safe; one connection, made on first
    use and again after any error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._options = _connection_options(url)
        self._lock = threading.Lock()
        self._connection: amqp.Connection | None = None
        self._channel: Any = None
        self._came_back = False  # what is published just now
        self._is_stopping = False

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Publish an entry to a worker's queue; return when the broker has it. Raises OSError and
        AMQPError."""
        sent = SentText(signed, entry_id)
        message = amqp.Message(attempt_body(sent), **attempt_properties(sent))
        if not self._publish(message, queue_name(worker), mandatory=True):
            # Usually the worker connects just now, and declares it anew.
            log.warning(
                "the broker has no queue of a worker: what was sent is sent again",
                extra={"worker": worker},
            )

    def probe(self) -> None:
        """Publish a message to nobody, twice: a broker whose memory or disk is full confirms the
        first one of a connection, and reads no more of it."""
        for _ in range(2):
            self._publish(amqp.Message(""), _NOWHERE, mandatory=False)

    def refusal(self, error: Exception) -> str:
        """Return what must be changed for an error of the broker, if it is a refusal."""
        return refusal_of(error, self._url)

    def interrupt(self) -> None:
        """See Carrier.interrupt."""
        self._is_stopping = True
        transport = getattr(self._connection, "_transport", None)  # its property would connect
        opened = getattr(transport, "sock", None)
        if opened is not None:
            with suppress(OSError):
                # Of the socket alone: who waits in TLS needs its state.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _publish(self, message: amqp.Message, queue: str, *, mandatory: bool) -> bool:
        """Publish a message; tell whether it is in a queue, of a mandatory one."""
        with self._lock:
            was_open = self._channel is not None
            try:
                self._publish_once(message, queue, mandatory=mandatory)
            except (OSError, amqp.AMQPError) as error:
                # Since the last entry the broker may have begun anew. One that comes twice begins
                # once, so there is no harm in what the first try may have done.
                if not was_open or isinstance(error, TimeoutError) or self._is_stopping:
                    raise
                self._publish_once(message, queue, mandatory=mandatory)
            return not self._came_back

    def _publish_once(self, message: amqp.Message, queue: str, *, mandatory: bool) -> None:
        self._came_back = False
        try:
            self._open_channel().basic_publish(
                message,
                exchange="",  # straight into the queue of this name: nothing is bound
                routing_key=queue,
                mandatory=mandatory,
                timeout=_ANSWER_S,
                confirm_timeout=_ANSWER_S,
            )
        except BaseException:
            # A confirmation that came late would be taken for the next message's.
            self._drop()
            raise

    def _open_channel(self) -> Any:
        if self._is_stopping:
            raise ConnectionAbortedError("this process stops")
        if self._channel is None:
            self._connection = amqp.Connection(confirm_publish=True, **self._options)
            self._connection.connect()
            self._channel = self._connection.channel()
            self._channel.events["basic_return"].add(self._note_return)
        return self._channel

    def _note_return(self, *_: Any) -> None:
        """Note that a message came back: that comes before its confirmation, in the same thread."""
        self._came_back = True

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.collect()


class WorkerQueue(kombu.Queue):  # type: ignore[misc]  # kombu is not read by mypy
    """The queue of one worker: declared when it listens, bound to nothing."""

    def declare(self, nowait: bool = False, channel: Any = None) -> str:
        """Declare the queue alone: Celery's own exchange is not needed."""
        self.queue_declare(nowait=nowait, channel=channel)
        return str(self.name)


def worker_queue(worker: str) -> WorkerQueue:
    """Return a worker's queue. Messages are acknowledged as they are delivered: Celery's threads
    would do that later on a connection that is not theirs."""
    return WorkerQueue(
        queue_name(worker),
        routing_key=queue_name(worker),
        durable=True,
        no_ack=True,
        expires=_QUEUE_KEPT_S,
        message_ttl=ENTRY_KEPT_S,
        max_length=_MOST_ENTRIES,
    )


def queue_name(worker: str) -> str:
    """Return the name of a worker's queue."""
    return f"{_PREFIX}{worker}"


def celery_settings(url: str) -> dict[str, Any]:
    """Return Celery's settings of this broker, for a worker: where and as whom as servers read
    it, and quoted, for kombu takes what stands behind a ; for another broker."""
    options = _connection_options(url)
    who = ":".join(quote(options[name], safe="") for name in ("userid", "password"))
    where = f"{options['host']}/{quote(options['virtual_host'], safe='')}"
    return {
        "broker_url": f"{urlsplit(url).scheme}://{who}@{where}",
        "broker_use_ssl": _tls_options(url),
        "broker_connection_timeout": _CONNECT_S,
        "broker_heartbeat": _HEARTBEAT_S,
        "broker_transport_options": {"write_timeout": _ANSWER_S},
    }


def refusal_of(error: object, url: str) -> str:
    """Return what must be changed, there or in the setting, when the broker refuses what the URL
    names; empty for any other error."""
    if not isinstance(error, amqp.AccessRefused | amqp.NotAllowed):
        return ""
    parts = urlsplit(url)
    user, virtual_host = unquote(parts.username or "guest"), unquote(parts.path[1:]) or "/"
    method, text = error.method_name, str(error.reply_text)
    if method in _PERMISSIONS:
        why = f"does not let the user {user} {_PERMISSIONS[method]}"
    elif method != "Connection.open":
        why = "refuses the user or password"
    elif "not found" in text:
        why = f"has no virtual host {virtual_host}"
    else:
        why = f"does not let the user {user} use the virtual host {virtual_host}"
    return f"GATEHOUSE_CELERY_BROKER_URL: RabbitMQ {why} (docs/executors.md)"


def _connection_options(url: str) -> dict[str, Any]:
    parts, tls = urlsplit(url), _tls_options(url)
    host = parts.hostname or ""
    port = parts.port or (5671 if tls else 5672)
    return {
        "host": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "userid": unquote(parts.username or "guest"),
        "password": unquote(parts.password or "guest"),
        "login_method": "PLAIN",
        "virtual_host": unquote(parts.path[1:]) or "/",
        "ssl": tls or False,
        "connect_timeout": _CONNECT_S,
        "write_timeout": _ANSWER_S,
        "read_timeout": _ANSWER_S,  # else the answer to a new channel would be waited for for ever
    }


def _tls_options(url: str) -> dict[str, Any] | None:
    """Return what TLS needs: a certificate that is valid and the host's, always."""
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return None
    given = parse_qs(parts.query)
    options = {name.removeprefix("ssl_"): given[name][-1] for name in AMQP_OPTIONS if name in given}
    return {**options, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
