"""The launcher: start every part in order, watch them, stop them in the reverse order.

Order matters. What can be refused cheaply is checked before anything runs; what is started last is
stopped first:
the server while Valkey still takes the outcomes of its last jobs.

Exit codes: 0 stopped on request, 1 it could not start or a part of it died, 2 a setting is wrong.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.launcher.banner import banner, banner_notes
from deploy.launcher.child_environment import child_environment
from deploy.launcher.embedded_redis import start_embedded_redis
from deploy.launcher.local_secrets import ensure_secrets, set_redis_urls
from deploy.launcher.server_process import SERVERS, ServerProcess
from deploy.processes.child import ChildError
from deploy.processes.single_start import StartError, single_start
from deploy.redis.check import check_redis
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import ConfigurationError, GatehouseError
from shared.settings import (
    ENV_PREFIX,
    ROOT,
    ApiSettings,
    ServerSettings,
    SiteSettings,
    load_settings,
    misspelt_settings,
    var_dir,
)

EXIT_FAILED = 1
EXIT_WRONG_SETTING = 2  # manage.py's too

_REFUSAL = "CommandError: "  # how manage.py begins a line that needs no traceback

# The modules that bring the task of the banner's third line.
_WITH_PRIMES = {"flask_api.tasks.library", "flask_api.tasks.primes"}

_WATCH_S = 0.1
_LOGS_EVERY_S = 2.0


def run(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal asks to stop. Returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopSignals()
    stop.listen()
    try:
        launch(options, stop)
    except KeyboardInterrupt:
        _say("stopped")
        return 0
    except GatehouseError as error:
        print(f"gatehouse: {error.message}", file=sys.stderr)
        return EXIT_WRONG_SETTING if isinstance(error, ConfigurationError) else EXIT_FAILED
    except OSError as error:  # of var/: no right, no room, read-only; it names the file
        print(f"gatehouse: {error}", file=sys.stderr)
        return EXIT_FAILED


class StopSignals:
    """The signals that ask to stop. They interrupt whatever runs with KeyboardInterrupt; where
    Python drops that, because an object was just being finalized, :meth:`look` raises it."""

    def __init__(self) -> None:
        self._has_come = False

    def listen(self) -> None:
        """Let signals count from here on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # SIGINT even when a shell started us in the background with it ignored;
            # SIGHUP not when nohup did so.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def look(self) -> None:
        """Raise KeyboardInterrupt when one has come."""
        if self._has_come:
            raise KeyboardInterrupt

    def _stop(self, _number: int, _frame: FrameType | None) -> NoReturn:
        self._has_come = True
        raise KeyboardInterrupt


def launch(options: argparse.Namespace, stop: StopSignals) -> NoReturn:
    """Start everything and watch it. Raises KeyboardInterrupt on a signal,
    GatehouseError when a part fails.

    Whatever way it ends, all that it started is stopped; data stays.
    """
    var = var_dir()
    _apply(options)
    with ExitStack() as started:
        tell_address = started.enter_context(single_start(var))
        ensure_secrets(var)
        settings = _checked_settings()
        server = ServerProcess(settings, kind=options.server, var=var)
        if server.adopt():
            _say("stopping a server that an earlier start left behind")
            server.stop()
        server.check_port()
        valkeys = _provide_redis(settings, var, started)
        password = _prepare(settings, var)
        started.callback(server.stop)
        server.start()
        tell_address(server.address)
        started.callback(_say_stopping, server, settings)
        print(_banner(server, settings, password), flush=True)
        _watch(server, valkeys, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/server" if (ROOT / "script/server").exists() else "gatehouse-server",
        description="Start Gatehouse on this machine: the Django site on / and the Flask API on "
        "/api, on one port.",
        epilog="Settings are environment variables (docs/settings.md). Without GATEHOUSE_REDIS_URL "
        "two Valkey servers are started "
        "too. Data, logs and secrets are under var/, or where GATEHOUSE_VAR_DIR says.",
    )
    parser.add_argument(
        "--host",
        help="address to listen on (127.0.0.1: this machine only; 0.0.0.0: every IPv4 one; :: "
        "those of IPv6 too; "
        "for others, set GATEHOUSE_ALLOWED_HOSTS too)",
    )
    parser.add_argument("--port", type=int, help="port to listen on (8080)")
    parser.add_argument(
        "--server", choices=SERVERS, default=SERVERS[0], help="web server (%(default)s)"
    )
    return parser


def _apply(options: argparse.Namespace) -> None:
    """Options win over the environment; as variables they are checked like every setting and reach
    all children."""
    for name in ("host", "port"):
        if (value := getattr(options, name)) is not None:
            os.environ[f"GATEHOUSE_{name.upper()}"] = str(value)


def _checked_settings() -> ServerSettings:
    """Read the settings of all sides, so that a wrong one ends the start here,
    with nothing running."""
    load_settings(SiteSettings)
    load_settings(ApiSettings)
    settings = load_settings(ServerSettings)
    for line in misspelt_settings():
        print(f"gatehouse: warning: {line}", file=sys.stderr)
    return settings


def _provide_redis(settings: ServerSettings, var: Path, started: ExitStack) -> list[EmbeddedValkey]:
    """Check the Redis that the settings name, or start our own when they name none."""
    # Ours of an earlier start go first, so that what the sides have then is somebody's choice.
    set_redis_urls(var, site=None, api=None)
    _require_both_sides(settings)
    if _names_redis(settings):
        check_redis(load_settings(SiteSettings), load_settings(ApiSettings))
        return []
    return start_embedded_redis(var, started, jobs_bytes=settings.jobs_redis_bytes, say=_say)


def _require_both_sides(settings: ServerSettings) -> None:
    """Raise ConfigurationError when one side has a Redis of its own and the other would get ours:
    what one writes there the other never reads, so nobody would be logged in."""
    named = {
        f"{ENV_PREFIX}SITE_REDIS_URL": load_settings(SiteSettings).site_redis_url,
        f"{ENV_PREFIX}API_REDIS_URL": load_settings(ApiSettings).api_redis_url,
    }
    missing = [variable for variable, url in named.items() if url is None]
    if len(missing) == 1 and "redis_url" not in settings.model_fields_set:
        raise ConfigurationError(
            f"{missing[0]}: set it too, or neither side's: the other side's Redis is set, and both "
            "must be the same server"
        )


def _names_redis(settings: ServerSettings) -> bool:
    """Tell whether no side is left with the Redis that is assumed where none is named."""
    site, api = load_settings(SiteSettings), load_settings(ApiSettings)
    own = (site.site_redis_url, api.api_redis_url, api.jobs_redis_url)
    return "redis_url" in settings.model_fields_set or None not in own


def _prepare(settings: ServerSettings, var: Path) -> str | None:
    """Bring the database up to date; unless this is production, make sure of the demo person
    and return their password if it is on file."""
    password_file = var / "demo-password"
    demo = ["--demo-password-file", str(password_file)] if not settings.production else []
    command = [sys.executable, "-m", "django_site.command", "prepare_local", *demo]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=child_environment(settings, var),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # one that only Django can judge, DATABASE_URL for example
    if done.returncode == EXIT_WRONG_SETTING:
        raise ConfigurationError(done.stderr.strip().removeprefix("manage.py: "))
    if done.stderr.startswith(_REFUSAL):
        raise StartError(done.stderr.strip().removeprefix(_REFUSAL))
    if done.returncode:
        ending = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-5:])
        raise StartError(
            f"manage.py prepare_local failed with exit code {done.returncode}:\n{ending}"
        )
    return password_file.read_text().strip() if demo and password_file.exists() else None


def _banner(server: ServerProcess, settings: ServerSettings, password: str | None) -> str:
    return banner(
        server.address,
        api_prefix=settings.api_prefix,
        login_url=settings.login_url,
        password=password,
        log_file=str(server.log_file),
        notes=banner_notes(server.address, load_settings(SiteSettings)),
        has_primes=not _WITH_PRIMES.isdisjoint(load_settings(ApiSettings).task_modules),
    )


def _watch(server: ServerProcess, valkeys: Sequence[EmbeddedValkey], stop: StopSignals) -> NoReturn:
    look_at_logs_at = 0.0
    while True:
        stop.look()
        if not server.is_running():
            raise ChildError(f"the server {server.failure()}")
        for valkey in valkeys:
            if not valkey.is_running():
                raise ChildError(f"Valkey ended by itself: {valkey.last_words}")
        if time.monotonic() >= look_at_logs_at:
            look_at_logs_at = time.monotonic() + _LOGS_EVERY_S
            server.keep_log_short()
            for valkey in valkeys:
                valkey.keep_log_short()
                valkey.look_after_disk()
        time.sleep(_WATCH_S)


def _say_stopping(server: ServerProcess, settings: ServerSettings) -> None:
    if server.is_running():  # else it gives nobody any time
        _say(f"stopping; requests and jobs that run get {settings.drain_s} s")


def _say(message: str) -> None:
    with suppress(OSError):  # the terminal may be closed: that is no reason to stop half-way
        print(f"gatehouse: {message}", flush=True)
