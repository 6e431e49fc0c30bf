"""The only file that knows both sides: Django on ``/``, Flask on ``/api``,
one dispatcher for every server.

    python wsgi.py                                  CherryPy's engine and server
    python wsgi.py --check                          do both sides agree? explains what does not fit
    gunicorn -c gunicorn.conf.py wsgi:application   the other server, the same application

Importing it starts no thread and opens no connection;
the servers call :meth:`Service.start`, after any fork.
"""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from deploy.listening import listen_problem, try_to_listen
from deploy.mounts import load_mounts
from deploy.redis.check import obstacles, require_usable, warnings
from deploy.redis.jobs_probe import probe_jobs
from django_site.app import create_reconciler, create_site, database_problems
from flask_api.app import (
    check_jobs,
    create_app,
    file_problems,
    file_warnings,
    release_waiters,
    start_jobs,
    stop_jobs,
)
from flask_api.gate.gated import GatedApplication, create_gate
from shared.agreement import disagreements, probe, require_agreement
from shared.environment import find_modules_at_start_dir
from shared.errors import ConfigurationError
from shared.http.beside import offer_api, with_api, withdraw_api
from shared.http.edge import Edge
from shared.http.mount import enter
from shared.http.service import DrainDeadline, probe_paths
from shared.logs import configure_logging
from shared.settings import (
    ApiSettings,
    ServerSettings,
    SiteSettings,
    WriterSettings,
    load_settings,
    misspelt_settings,
    require_free_threads,
    require_settings,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("gatehouse.server")

# For what runs beside the requests, once the jobs have ended: so long at most, if the drain
# deadline leaves it, and so long when it leaves nothing.
_BACKGROUND_S, _LAST_S = 10.0, 1.0

_AGREE = """\
Both sides agree. A session was written and read, and a job's entries written, in Redis; the
database has its tables; a file was stored. Not tried: mail, and workers on other machines."""


class Service:
    """Both applications as one WSGI application, and what runs beside their requests."""

    def __init__(
        self,
        site: "WSGIApplication",
        api: Flask,
        settings: ServerSettings,
        mounts: Mapping[str, "WSGIApplication"] | None = None,
    ) -> None:
        self._api = api
        self._background = create_reconciler()
        self._deadline = DrainDeadline(settings.drain_s)
        # The site's settings: its own file may name the hosts, too.
        writer = load_settings(WriterSettings)
        self._prefixes = writer.believed_prefixes
        self._dispatch = Edge(
            DispatcherMiddleware(with_api(site, api), {settings.api_prefix: api, **(mounts or {})}),
            writer,
            open_paths=probe_paths(settings.api_prefix),
        )

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request, wherever the whole is mounted."""
        enter(environ, prefixes=self._prefixes)
        return self._dispatch(environ, start_response)

    def check(self) -> None:
        """Raise ConfigurationError for what only shows when Redis is asked;
        call it before serving."""
        require_usable(load_settings(WriterSettings), load_settings(ApiSettings))
        check_jobs(self._api)

    def start(self) -> None:
        """Begin to run jobs and to reconcile principals in this process."""
        start_jobs(self._api)
        offer_api(self._api)
        self._background.start()

    def release_waiters(self) -> None:
        """First step of a graceful stop: end long-polls, so that the server can drain its requests.

        The drain deadline counts from here, for requests and jobs together.
        """
        self._deadline.begin()
        release_waiters(self._api)

    def stop(self) -> bool:
        """Last step of a graceful stop: drain the jobs. True when none is left running."""
        if not self._deadline.has_begun:  # a server that was told to quit at once
            self.release_waiters()
        self._background.begin_stop()  # beside the jobs, whose time is not its own
        withdraw_api(self._api)
        is_drained = stop_jobs(self._api, deadline_s=max(0.0, self._deadline.left_s))
        left_s = self._deadline.left_s
        self._background.stop(deadline_s=max(_LAST_S, min(left_s, _BACKGROUND_S)))
        return is_drained


def create_service() -> Service:
    """Build both applications from the settings.
    Raises ConfigurationError, also when the two sides would not agree."""
    find_modules_at_start_dir()
    require_settings(SiteSettings, ApiSettings, ServerSettings)
    settings, api_settings = load_settings(ServerSettings), load_settings(ApiSettings)
    require_agreement(load_settings(WriterSettings), api_settings)
    require_free_threads(settings, api_settings)
    configure_logging(settings.log_format)
    for line in misspelt_settings():
        log.warning(line)
    site, api = create_site(), create_app(api_settings)
    return Service(site, api, settings, _mounts(settings, api_settings))


def _mounts(settings: ServerSettings, api_settings: ApiSettings) -> Mapping[str, "WSGIApplication"]:
    if not (settings.mounts or settings.mounts_open):
        return {}
    return load_mounts(settings, gated=partial(GatedApplication, gate=create_gate(api_settings)))


def check() -> int:
    """Read all settings as a start does, and try both sides';
    print what does not fit and return the exit code.

    Raises ConfigurationError for what would end a start before Redis is asked.
    """
    # all that is found is printed; the refusal of a write, which the probe asks for,
    # is as it should be
    logging.disable()
    require_settings(SiteSettings, ApiSettings, ServerSettings)
    site, api = load_settings(WriterSettings), load_settings(ApiSettings)
    found = disagreements(site, api)
    if not found:
        service = create_service()
        found = list(obstacles(site, api)) or [
            *probe(site, api), *probe_jobs(api), *_refusals(service)
        ]  # fmt: skip
        found += [*database_problems(), *file_problems(api)]
    warned = (*misspelt_settings(), *warnings(site, api), *file_warnings(api))
    for line in (*warned, *_https_warnings(site)):
        print(f"gatehouse: warning: {line}", file=sys.stderr)
    for line in found:
        print(f"gatehouse: {line}", file=sys.stderr)
    print(_AGREE if not found else f"What must be corrected: {len(found)}.")
    return 1 if found else 0


def _https_warnings(site: WriterSettings) -> Iterator[str]:
    """Yield a sentence where nobody would get in through a proxy that ends TLS."""
    if site.production and not site.trusted_proxy:
        yield (
            "GATEHOUSE_PRODUCTION without GATEHOUSE_TRUSTED_PROXY: behind a TLS proxy every "
            "request counts as plain HTTP, and is refused or sent round in a circle"
        )


def _refusals(service: Service) -> Iterator[str]:
    """Yield what a start would end with once Redis was asked."""
    try:
        service.check()
    except ConfigurationError as error:
        yield str(error)


def _require_address(settings: ServerSettings) -> None:
    """Raise ConfigurationError if the address can't be listened on, before anything is begun."""
    if "LISTEN_PID" in os.environ:  # systemd has opened the socket
        return
    try:
        try_to_listen(settings.host, settings.port)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        variables = "GATEHOUSE_PORT" if is_taken else "GATEHOUSE_HOST and GATEHOUSE_PORT"
        problem = listen_problem(settings.host, settings.port, error)
        raise ConfigurationError(f"{problem}: see {variables}") from error


def serve(service: Service, settings: ServerSettings) -> None:
    """Serve with CherryPy until SIGTERM or SIGINT, then drain: requests first, jobs last."""
    from deploy.servers.cherrypy import serve as serve_with_cherrypy

    def end_stop() -> None:
        if not service.stop():
            # A task that never checks would hold the process for ever:
            # its thread can't be killed, so the process is.
            logging.shutdown()
            os._exit(1)

    serve_with_cherrypy(
        service,
        settings,
        start=service.start,
        begin_stop=service.release_waiters,
        end_stop=end_stop,
        log=lambda message, level: log.log(level, message),
    )


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        description="Serve the Django site and the Flask API on one port with CherryPy.",
        epilog="Settings come from the environment (GATEHOUSE_...) and from the files under var/; "
        "see README.md.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="check all settings, try Redis as both sides, the database and the files' storage, "
        "and exit",
    )
    options = parser.parse_args()
    try:
        if options.check:
            return check()
        service, settings = create_service(), load_settings(ServerSettings)
        _require_address(settings)
        service.check()
        serve(service, settings)
    except ConfigurationError as error:
        print(f"gatehouse: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
# a child process for jobs, spawned, reads this file too and must build nothing
elif __name__ != "__mp_main__":
    application = create_service()
