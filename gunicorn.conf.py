"""gunicorn's settings: ``gunicorn -c gunicorn.conf.py wsgi:application``.
Engines start after the fork, in each worker."""

import logging
import os
import sys
from typing import Any

from deploy.servers import framing
from shared.errors import ConfigurationError
from shared.settings import ServerSettings, load_settings

APP_LOAD_ERROR = 4  # gunicorn's own code for: no other worker would do better, stop

try:
    _settings = load_settings(ServerSettings)
except ConfigurationError as error:
    sys.exit(f"gatehouse: {error}")

bind = _settings.host_and_port
workers = _settings.server_workers
worker_class = "deploy.servers.gunicorn.ParkingWorker"
logger_class = "deploy.servers.gunicorn.Log"
threads = _settings.server_threads
# The master kills what is left after so long. A worker gives its requests and jobs the drain
# deadline (below), and must have time then to interrupt what still runs and to hand it over.
graceful_timeout = _settings.drain_s + 4
timeout = 60
keepalive = 5
worker_connections = _settings.server_connections
# Heads are read and bounded before gunicorn sees them; these are no narrower.
limit_request_line = framing.REQUEST_LINE_MAX
limit_request_field_size = framing.FIELD_MAX + 1  # "A:b" is passed on as "A: b"
limit_request_fields = framing.FIELDS_MAX
sendfile = False  # it would wait for a client that reads slowly, and hold a thread
# By default whoever connects from this machine may set SCRIPT_NAME, and so the application that
# answers, and the scheme. Whether a proxy is trusted is for GATEHOUSE_TRUSTED_PROXY to say,
# under both servers.
forwarded_allow_ips = ""
forwarder_headers = ""
# Else every service of this account would share one socket in the home folder,
# through which workers are told what to do.
control_socket_disable = True
preload_app = False  # each worker imports the application itself: nothing is shared over the fork


def post_worker_init(worker: Any) -> None:
    """Start this worker's job engine. Its long-polls end when the worker has left its loop, never
    in a signal's handler: that may interrupt who holds a lock of theirs."""
    service = worker.wsgi
    try:
        service.check()
        service.start()
    except ConfigurationError as error:
        worker.log.error("gatehouse: %s", error)
        sys.exit(APP_LOAD_ERROR)
    worker.cfg.set("graceful_timeout", _settings.drain_s)  # this process's own copy


def worker_exit(server: Any, worker: Any) -> None:
    """Drain this worker's jobs after its last request."""
    del server
    service = getattr(worker, "wsgi", None)  # it has none if the application could not be built
    if service is not None and (not service.stop() or worker.nr_conns):
        # A task that never checks holds its thread, while the job runs elsewhere already, and so
        # does a client that reads nothing: Python would wait for either.
        logging.shutdown()
        os._exit(1)
