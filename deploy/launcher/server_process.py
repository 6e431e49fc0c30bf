"""The web server as a child of the launcher:
CherryPy or gunicorn, started, watched until it answers, stopped."""

import errno
import http.client
import ipaddress
import sys
import time
from pathlib import Path

from deploy.launcher.child_environment import child_environment
from deploy.listening import listen_problem, try_to_listen
from deploy.processes.child import ChildError, ChildProcess
from deploy.processes.single_start import StartError
from shared.settings import ROOT, ServerSettings

SERVERS = ("cherrypy", "gunicorn")
LIVE_DEADLINE_S = 30.0

_POLL_S = 0.02
_REQUEST_TIMEOUT_S = 1.0
# Beyond the drain deadline, for what a server does before and after draining.
_STOP_MARGIN_S = 5.0


class ServerProcess:
    """One web server for the settings' address. Not thread-safe."""

    def __init__(self, settings: ServerSettings, *, kind: str, var: Path) -> None:
        self._settings = settings
        self._kind = kind
        self._var = var
        self._child = ChildProcess("server", folder=var)

    @property
    def log_file(self) -> Path:
        """Where the server's output goes."""
        return self._child.log_file

    @property
    def address(self) -> str:
        """The URL that this machine reaches the server at, without a slash at its end."""
        host = _reachable_host(self._settings.host)
        return (
            f"http://[{host}]:{self._settings.port}"
            if ":" in host
            else f"http://{host}:{self._settings.port}"
        )

    def adopt(self) -> bool:
        """Take over a server that a killed launcher left behind. Tells whether there was one."""
        return self._child.adopt()

    def check_port(self) -> None:
        """Raise StartError if the address can't be listened on; nothing has to be undone then."""
        host, port = self._settings.host, self._settings.port
        try:
            try_to_listen(host, port)
        except OSError as error:
            is_taken = error.errno == errno.EADDRINUSE
            advice = "another with --port" if is_taken else "others with --host and --port"
            raise StartError(f"{listen_problem(host, port, error)}; choose {advice}") from error

    def start(self) -> None:
        """Start the server and return when it answers.
        Raises ChildError with its last log lines if it doesn't."""
        self._child.keep_log_short()
        environment = child_environment(self._settings, self._var)
        self._child.start(_command(self._kind), environment=environment, folder=ROOT)
        deadline = time.monotonic() + LIVE_DEADLINE_S
        while not self._is_live():
            if not self.is_running():
                raise ChildError(f"the server {self.failure()}")
            if time.monotonic() > deadline:
                raise ChildError(
                    f"the server did not answer within {LIVE_DEADLINE_S:.0f} s{self._log_end()}"
                )
            time.sleep(_POLL_S)

    def keep_log_short(self) -> None:
        """Start an empty log when it is full."""
        self._child.keep_log_short()

    def is_running(self) -> bool:
        """Tell whether the server's process lives."""
        return self._child.is_running()

    def failure(self) -> str:
        """Say how the server ended by itself, with its last log lines."""
        return f"ended by itself with exit code {self._child.exit_code}{self._log_end()}"

    def stop(self) -> None:
        """Let the server drain, then end it. May be called twice."""
        self._child.stop(self._settings.drain_s + _STOP_MARGIN_S)

    def _log_end(self) -> str:
        return f". The end of {self.log_file}:\n{self._child.last_lines()}"

    def _is_live(self) -> bool:
        connection = http.client.HTTPConnection(
            _reachable_host(self._settings.host), self._settings.port, timeout=_REQUEST_TIMEOUT_S
        )
        try:
            connection.request("GET", f"{self._settings.api_prefix}/health/live")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _command(kind: str) -> list[str]:
    if kind == "gunicorn":
        # a checkout, a wheel
        places = (ROOT / "gunicorn.conf.py", ROOT / "deploy/gunicorn.conf.py")
        settings = next(str(place) for place in places if place.exists())
        return [sys.executable, "-m", "gunicorn", "-c", settings, "wsgi:application"]
    return [sys.executable, "-m", "wsgi"]


def _reachable_host(host: str) -> str:
    """Every address (0.0.0.0, ::) is one to listen on, not one to connect to."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return host
