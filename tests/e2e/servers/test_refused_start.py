"""A start that a setting makes impossible ends in lines that name it, under both servers."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT
from tests.e2e.prepared import clean_environment
from tests.ports import free_port

CHERRYPY = [sys.executable, "wsgi.py"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:application"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def _refused(
    command: list[str], valkey: EmbeddedValkey, folder: Path, **variables: str
) -> tuple[int, str]:
    environment = {
        **clean_environment(folder),
        "GATEHOUSE_SITE_REDIS_URL": valkey.url("django"),
        "GATEHOUSE_API_REDIS_URL": valkey.url("api"),
        "GATEHOUSE_PORT": str(free_port()),
        **variables,
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_port_in_use_is_one_line(taken_port: int, valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """It names the port and the setting; nothing was begun that had to be undone."""
    port = str(taken_port)
    assert _refused(CHERRYPY, valkey, tmp_path, GATEHOUSE_PORT=port) == (
        2,
        f"gatehouse: port {port} is in use: see GATEHOUSE_PORT\n",
    )


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_address_that_is_not_ours_is_one_line(
    host: str, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """An address of another machine, or a name that doesn't resolve."""
    code, said = _refused(CHERRYPY, valkey, tmp_path, GATEHOUSE_HOST=host)
    assert code == 2
    assert said.startswith(f"gatehouse: can't listen on {host}, port ")
    assert said.endswith(": see GATEHOUSE_HOST and GATEHOUSE_PORT\n")
    assert said.count("\n") == 1, said


@pytest.mark.parametrize("command", [CHERRYPY, GUNICORN], ids=["cherrypy", "gunicorn"])
def test_wrong_setting_is_a_line_without_a_traceback(
    command: list[str], valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    """A module with tasks that is not there is found when the application is built, which gunicorn
    does in each worker. In one here: gunicorn's master may trip over a second that ends with it."""
    code, said = _refused(
        command,
        valkey,
        tmp_path,
        GATEHOUSE_TASK_MODULES="no_such_tasks",
        GATEHOUSE_SERVER_WORKERS="1",
    )
    assert code in (2, 4)
    assert "gatehouse: GATEHOUSE_TASK_MODULES: no_such_tasks can't be imported: " in said
    assert "Traceback" not in said
