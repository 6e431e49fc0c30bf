"""Celery as the carrier: its queues bring entries to workers, over Redis.

Of a message nothing is believed but one argument, which is signed (.entry). Results, retries,
events, remote control and time limits of Celery are not used: whether an attempt runs, ended or
died is written by the worker that holds it. So a message is acknowledged when it arrives: Celery's
ways to deliver it again, after a death or a visibility time-out, would only repeat ours. What
Celery keeps in Redis is below ``gatehouse:jobs:``; a worker listens to one queue, its own.
"""

from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

from celery import Celery

from flask_api.jobs.records import keyspace
from flask_api.jobs.workers.remote.carrier import Carrier
from flask_api.jobs.workers.remote.executor import RemoteExecutor
from shared.errors import ConfigurationError
from shared.redis.cluster import is_cluster_url
from shared.redis.sentinel import is_sentinel_url
from shared.settings import ApiSettings

CARRIER = "celery"
TASK = "gatehouse.attempt"  # the only one there is
_NEVER_S = 30 * 86_400


class CeleryCarrier:
    """Publishes entries. Thread-safe."""

    def __init__(self, settings: ApiSettings) -> None:
        self._app = app_of(settings)

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Publish an entry to a worker's queue. Raises kombu's OperationalError."""
        message = self._app.amqp.as_task_v2(entry_id, TASK, args=(signed,), kwargs={})
        with self._app.producer_or_acquire() as producer:
            producer.publish(
                message.body,
                exchange="",  # straight into the queue of this name: nothing is declared or bound
                routing_key=worker,
                serializer="json",
                headers=message.headers,
                retry=False,
                **message.properties,
            )

    def close(self) -> None:
        """Close connections."""
        self._app.close()


class CeleryExecutor(RemoteExecutor):
    """Attempts on Celery's workers."""

    name: ClassVar[str] = CARRIER

    @classmethod
    def carrier_of(cls, settings: ApiSettings) -> Carrier:
        """Return Celery's queues."""
        return CeleryCarrier(settings)


def app_of(settings: ApiSettings) -> Celery:
    """Return an application of Celery's that reads JSON and keeps nothing; connects on first
    use."""
    # No fixups: Django may be named in the environment of a site that has one, and is not needed.
    broker = broker_url(settings.job_store_url)
    app = Celery("gatehouse", broker=broker, set_as_current=False, fixups=[])
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": keyspace.sent(""),
            "socket_connect_timeout": 1,
            "socket_timeout": 5,
            "visibility_timeout": _NEVER_S,
        },
    )
    return app


def broker_url(redis_url: str) -> str:
    """Return a Redis URL as Celery writes it: a Unix socket's scheme is another there.
    Raises ConfigurationError for one of Sentinels or of a Cluster."""
    if is_sentinel_url(redis_url) or is_cluster_url(redis_url):
        raise ConfigurationError(
            "GATEHOUSE_JOBS_REDIS_URL: celery can't ask Sentinels or a Cluster here; let rq carry "
            "attempts"
        )
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    who = f"{quote(unquote(parts.username or ''))}:{quote(unquote(parts.password or ''))}@"
    return f"redis+socket://{who if parts.password else ''}{parts.path}"
