"""Celery as the carrier: its queues bring entries to workers, over Redis or over RabbitMQ.

Of a message nothing is believed but one argument, which is signed (.entry). Results, retries,
events, remote control and time limits of Celery are not used: whether an attempt runs, ended or
died is written by the worker that holds it. So a message is acknowledged when it arrives: Celery's
ways to deliver it again, after a death or a visibility time-out, would only repeat ours; and on
RabbitMQ, an attempt that runs for longer than ``consumer_timeout`` would cost its worker the
channel. What Celery keeps in Redis is below ``gatehouse:jobs:``; a worker listens to one queue, its
own.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import kombu
from celery import Celery
from celery.app.amqp import AMQP
from redis.connection import SSLConnection, parse_url

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.workers.remote import rabbitmq_carrier
from flask_api.jobs.workers.remote.carrier import ENTRY_KEPT_S, Carrier, RedisCarrier
from flask_api.jobs.workers.remote.celery_messages import SentText, message_text
from flask_api.jobs.workers.remote.executor import RemoteExecutor
from shared.errors import ConfigurationError
from shared.redis.cluster import is_cluster_url
from shared.redis.sentinel import is_sentinel_url
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

CARRIER = "celery"
_NEVER_S = 30 * 86_400
_PAUSE_S = 1
_TOLD_EVERY_S = 10.0


class PatientConnection(kombu.Connection):  # type: ignore[misc]  # kombu is not read by mypy
    """Kombu's connection, tried again every second while the broker is away, where Celery
    would wait for up to thirty; told in the log every ten seconds."""

    def _ensure_connection(self, errback: Any = None, *args: Any, **options: Any) -> Any:
        told_at: list[float] = []

        def tell(error: Exception, interval: float) -> None:
            if errback and (not told_at or time.monotonic() > told_at[-1] + _TOLD_EVERY_S):
                told_at.append(time.monotonic())
                errback(error, interval)

        # Whole seconds: between them kombu looks whether the process was told to stop.
        pauses = {"interval_start": _PAUSE_S, "interval_step": 0, "interval_max": _PAUSE_S}
        return super()._ensure_connection(tell, *args, **{**options, **pauses})


class PatientBrokers(AMQP):  # type: ignore[misc]  # Celery is not read by mypy
    """Celery's use of brokers, over such connections."""

    Connection = PatientConnection


class CeleryCarrier(RedisCarrier):
    """Puts messages into Celery's queues in Redis. Thread-safe.

    A queue is a list, and a message a text in it: written here, it takes one round trip. Celery's
    producer needs as much processor time for one as all else that begins an attempt.
    """

    def __init__(self, settings: ApiSettings) -> None:
        require_broker(settings)
        super().__init__(settings)
        self._script = load_scripts()["send"]

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Put an entry into a worker's queue. Raises RedisError."""
        text = message_text(SentText(signed, entry_id))
        self._script.run(self._client, [keyspace.sent(worker)], [text, ENTRY_KEPT_S])


class CeleryExecutor(RemoteExecutor):
    """Attempts on Celery's workers."""

    name: ClassVar[str] = CARRIER

    @classmethod
    def carrier_of(cls, settings: ApiSettings) -> Carrier:
        """Return Celery's queues."""
        if settings.celery_broker_url is not None:
            url = settings.celery_broker_url.get_secret_value()
            return rabbitmq_carrier.RabbitMqCarrier(url)
        return CeleryCarrier(settings)


def app_of(settings: ApiSettings) -> Celery:
    """Return an application of Celery's that reads JSON and keeps nothing; connects on first
    use."""
    # No fixups: Django may be named in the environment of a site that has one, and is not needed.
    app = Celery("gatehouse", set_as_current=False, fixups=[], amqp=PatientBrokers)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        # Else, after a reconnect, a thread that runs an attempt would read the consumer's
        # connection, and both would wait for what the other one got.
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        **_broker_of(settings),
    )
    return app


def _broker_of(settings: ApiSettings) -> dict[str, Any]:
    """Return Celery's settings of the broker."""
    if settings.celery_broker_url is not None:
        return rabbitmq_carrier.celery_settings(settings.celery_broker_url.get_secret_value())
    return celery_settings(settings.job_store_url)


def celery_settings(redis_url: str) -> dict[str, Any]:
    """Return Celery's settings of a Redis. The URL is read as our own client reads it: kombu's
    reading has other names for some parts, takes options for arguments, and without an option of
    TLS it would believe any certificate."""
    server = parse_url(redis_url)  # type: ignore[no-untyped-call]
    transport = {
        "global_keyprefix": keyspace.sent(""),
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "socket_keepalive": server.get("socket_keepalive", True),  # redis-py's, not kombu's
        "visibility_timeout": _NEVER_S,
        "priority_steps": [0],  # one list, not one for each priority of Celery's
    }
    is_tls = server.get("connection_class") is SSLConnection
    return {
        "broker_url": _kombu_url(server, scheme="rediss" if is_tls else "redis"),
        "broker_use_ssl": _tls_options(server) if is_tls else None,
        "broker_transport_options": transport,
    }


def _kombu_url(server: Mapping[str, Any], *, scheme: str) -> str:
    """Return where and as whom, as kombu writes it. All that is not plain is quoted: kombu would
    take what stands behind a ; for another server."""
    named = (server.get("username", ""), server.get("password", ""))
    who = ":".join(quote(each, safe="") for each in named) + "@" if any(named) else ""
    database = server.get("db", 0)
    if path := server.get("path"):
        return f"redis+socket://{who}{quote(path)}?virtual_host={database}"
    host = server.get("host", "localhost")
    where = f"[{host}]" if ":" in host else quote(host)
    return f"{scheme}://{who}{where}:{server.get('port', 6379)}/{database}"


def _tls_options(server: Mapping[str, Any]) -> dict[str, Any]:
    """Return what TLS needs: a certificate that is valid and the host's, but where the URL says
    otherwise."""
    given = {name: value for name, value in server.items() if name.startswith("ssl_")}
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **given}


def require_broker(settings: ApiSettings) -> None:
    """Raise ConfigurationError for a broker that Celery can't use: Sentinels, or a Cluster."""
    url = settings.job_store_url
    if settings.celery_broker_url is None and (is_sentinel_url(url) or is_cluster_url(url)):
        raise ConfigurationError(
            f"{settings.job_store_variable}: celery can't ask Sentinels or a Cluster; name a "
            "RabbitMQ in GATEHOUSE_CELERY_BROKER_URL, or let rq carry attempts"
        )
