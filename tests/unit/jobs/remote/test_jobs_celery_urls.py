"""Celery's consumer connects to the Redis that our own client connects to, as the same user and
with the same checks, however the URL says it."""

from typing import Any

import pytest
import redis
from pydantic import SecretStr

from flask_api.jobs.workers.remote.celery_carrier import app_of
from flask_api.jobs.workers.remote.celery_messages import AttemptChannel
from flask_api.jobs.workers.remote.rabbitmq_carrier import _connection_options
from shared.redis import build_client
from shared.settings import WorkerSettings

# What decides where a connection leads, as whom, and what is checked of who answers.
_COMPARED = [
    "host",
    "port",
    "path",
    "db",
    "username",
    "password",
    "socket_keepalive",
    "keyfile",
    "certfile",
    "certificate_password",
    "cert_reqs",
    "check_hostname",
    "ca_certs",
    "ca_path",
    "ssl_min_version",
    "ssl_ciphers",
]
_KINDS = (redis.Connection, redis.SSLConnection, redis.UnixDomainSocketConnection)


def _ours(url: str) -> Any:
    pool: Any = build_client(url, timeout_s=1, max_connections=1).connection_pool
    return pool.make_connection()


def _celerys(url: str) -> Any:
    """Return a connection as a worker's channel makes it; it is not connected."""
    app = app_of(WorkerSettings(jobs_redis_url=SecretStr(url)))
    channel = AttemptChannel.__new__(AttemptChannel)
    connection = app.connection_for_read()
    channel.connection = connection.transport
    channel.socket_keepalive = connection.transport_options.get("socket_keepalive", True)
    return channel._get_pool().make_connection()


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis.example.org",
        "redis://redis.example.org/",
        "redis://redis.example.org:6380/3",
        "redis://redis.example.org:6379?db=3",
        "redis://redis.example.org/0?socket_timeout=2&socket_connect_timeout=2",
        "redis://redis.example.org/0?socket_keepalive=true",
        "redis://redis.example.org/0?socket_keepalive=no",
        "redis:///2",
        "redis://worker@redis.example.org/0",
        "redis://:word@redis.example.org/0",
        "redis://worker:p%40ss%2Fw%3Bo%3Ar%25d%20%23@redis.example.org/0",
        "redis://worker:a;b+c,d@redis.example.org/0",
        "redis://wor%40ker:word@[::1]:6379/2",
        "redis://[fd00::7]/2?db=3",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=3",
        "unix://worker:p%40ss%3B@/run/a%20b%3Bc.sock?db=3&socket_timeout=2",
        "unix://worker@/run/redis.sock",
        "unix://:word@/run/redis.sock?db=3",
        "rediss://worker:word@redis.example.org/0",
        "rediss://worker:word@[::1]:6380?db=3",
        "rediss://redis.example.org/0?ssl_ca_path=/etc/ssl&ssl_check_hostname=false",
        "rediss://redis.example.org/0?ssl_cert_reqs=none",
        "rediss://redis.example.org/0?ssl_cert_reqs=optional&ssl_ciphers=AES128-SHA",
        "rediss://redis.example.org/0?ssl_ca_certs=/etc/ca@2024.pem",
        "rediss://redis.example.org/0?ssl_certfile=/a&ssl_keyfile=/b&ssl_password=p@ss",
        "rediss://redis.example.org/0?ssl_min_version=772&socket_keepalive=1",
    ],
)
def test_celery_connects_to_what_our_client_connects_to(url: str) -> None:
    """Where, as whom, in which database, and whom it believes."""
    ours, celerys = _ours(url), _celerys(url)
    expected = {name: getattr(ours, name) for name in _COMPARED if hasattr(ours, name)}
    found = {name: getattr(celerys, name) for name in _COMPARED if hasattr(celerys, name)}
    assert found == expected
    assert [isinstance(ours, kind) for kind in _KINDS] == [
        isinstance(celerys, kind) for kind in _KINDS
    ]


@pytest.mark.parametrize(
    "url",
    [
        "amqp://rabbit.example.org",
        "amqp://rabbit.example.org/",
        "amqp://worker:word@rabbit.example.org/gate",
        "amqp://worker:a;b+c,d@rabbit.example.org:5673/gate;house",
        "amqp://wor%40ker:p%40ss%2Fw%3Bo%3Ar%25d%20%23@rabbit.example.org/%2Fgate",
        "amqps://worker:word@[::1]/gate?ssl_ca_certs=/etc/ca@2024.pem",
        "amqps://worker:word@[::1]:5673/gate",
    ],
)
def test_celery_connects_to_the_broker_that_servers_send_to(url: str) -> None:
    """Where, as whom, and whom it believes; a ; begins no second broker."""
    ours = _connection_options(url)
    app = app_of(WorkerSettings(celery_broker_url=SecretStr(url)))
    celerys = app.connection_for_read()
    host = ours["host"].replace("[", "").replace("]", "")
    assert (celerys.host, celerys.alt) == (host, [])
    found = (celerys.userid, celerys.password, celerys.virtual_host, celerys.ssl or False)
    assert found == tuple(ours[name] for name in ("userid", "password", "virtual_host", "ssl"))
