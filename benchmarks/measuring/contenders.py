"""Who is compared, and how each is reached: over HTTP on gunicorn, or called in its own process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.measuring.answers import SERVER_CORE, AnsweringChild, pin

ROOT = Path(__file__).resolve().parents[2]
_STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Contender:
    """One application: its module in benchmarks.peers, as it comes or tuned."""

    name: str
    module: str
    is_tuned: bool = False


OURS = Contender("gatehouse", "benchmarks.peers.gate.gatehouse")
CONTENDERS = (
    OURS,
    Contender("gatehouse-3000-permissions", "benchmarks.peers.gate.gatehouse_permitted"),
    Contender("django", "benchmarks.peers.gate.django_site"),
    Contender("django-tuned", "benchmarks.peers.gate.django_site", is_tuned=True),
    Contender("flask-login", "benchmarks.peers.gate.flask_login_app"),
    Contender("flask-login-tuned", "benchmarks.peers.gate.flask_login_app", is_tuned=True),
)


class Measure(Protocol):
    """How a contender is asked."""

    def __call__(
        self, contender: Contender, *, path: str, cookie: str, seconds: float, **more: Any
    ) -> dict[str, Any]:
        """Ask ``path`` for some seconds, ``more`` as benchmarks.children.load has it;
        return requests, elapsed_s and load_share."""


def seed(contenders: tuple[Contender, ...], context_file: Path) -> dict[str, str]:
    """Log one person in on each application; return the Cookie header for each module."""
    return {
        module: _seed(module, context_file)
        for module in dict.fromkeys(each.module for each in contenders)
    }


@contextmanager
def by_calls(contenders: tuple[Contender, ...], context_file: Path) -> Iterator[Measure]:
    """Every application in a process of its own, called directly."""
    with ExitStack() as stack:
        children = {
            each: stack.enter_context(
                AnsweringChild(
                    "benchmarks.children.wsgi_calls",
                    each.module,
                    str(context_file),
                    str(each.is_tuned),
                )
            )
            for each in contenders
        }
        yield lambda contender, **question: children[contender].ask(**question)


@contextmanager
def by_http(
    contenders: tuple[Contender, ...], context_file: Path, *, connections: int, threads: int
) -> Iterator[Measure]:
    """Every application on a gunicorn of its own on one core,
    and one process of load on another."""
    with ExitStack() as stack:
        ports = {
            each: stack.enter_context(gunicorn(each, context_file, threads)) for each in contenders
        }
        load = stack.enter_context(AnsweringChild("benchmarks.children.load"))
        yield lambda contender, **question: load.ask(
            **{"port": ports[contender], "connections": connections, **question}
        )


def _seed(module: str, context_file: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.children.seed", module, str(context_file)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


@contextmanager
def gunicorn(contender: Contender, context_file: Path, threads: int) -> Iterator[int]:
    """One gunicorn on one core; yields its port."""
    application = f"{contender.module}:create_app({str(context_file)!r}, {contender.is_tuned})"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        options = ["--config=python:benchmarks.measuring.gunicorn_settings", f"--threads={threads}"]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            *options,
            f"--bind=fd://{listener.fileno()}",
            application,
        ]
        # The server is given the open socket: requests wait in it until the application is loaded,
        # no port is guessed.
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[listener.fileno()], env=_clean_environment()
        )
    pin(SERVER_CORE, process.pid)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
