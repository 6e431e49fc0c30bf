"""A signal to stop comes at any moment, also while the process holds a lock that ending what waits
needs."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.servers.test_parking import Client
from tests.e2e.service import COMMANDS, PATIENT, ServiceProcess
from tests.e2e.waiting.test_parked import waiting
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until

# gunicorn's settings, with a worker that gets the signal, once, as it hands a request to its
# threads.
_SETTINGS = """\
exec(compile(open("gunicorn.conf.py").read(), "gunicorn.conf.py", "exec"))
import os, signal, threading
_ours = post_worker_init

def post_worker_init(worker):
    _ours(worker)
    have_thread = worker.tpool._adjust_thread_count

    def be_told_to_stop():
        if os.path.exists({flag!r}) and threading.current_thread() is threading.main_thread():
            with open({flag!r}) as file:
                number = int(file.read())
            os.unlink({flag!r})
            os.kill(os.getpid(), number)
        have_thread()

    worker.tpool._adjust_thread_count = be_told_to_stop
"""

# What a server says when it begins to stop.
_STOPS = {"cherrypy": "Bus STOPPING", "gunicorn": "Handling signal: term"}


class Interrupted(ServiceProcess):
    """A service whose worker is told to stop at its next hand-over after ``interrupt``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, server="gunicorn", server_workers="1", task_modules=SAMPLE_TASKS)
        self._flag = folder / "interrupt"
        settings = folder / "interrupted.conf.py"
        settings.write_text(_SETTINGS.format(flag=str(self._flag)), encoding="utf-8")
        assert COMMANDS["gunicorn"][4] == "gunicorn.conf.py"
        self._command = [*COMMANDS["gunicorn"][:4], str(settings), *COMMANDS["gunicorn"][5:]]

    def interrupt(self, number: signal.Signals) -> None:
        """Have the signal sent."""
        written = self._flag.with_suffix(".new")
        written.write_text(str(int(number)), encoding="utf-8")
        written.replace(self._flag)

    def worker_pid(self) -> int | None:
        """Return the worker's process id, None between two."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="utf-8")
        return int(children.split()[0]) if children else None


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Interrupted]:
    """A service of one process."""
    with Interrupted(tmp_path / "service") as service:
        yield service


def test_signal_while_a_request_is_handed_over_ends_the_waits(service: Interrupted) -> None:
    """The waiting request and the one that is handed over are answered."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    headers = {"Sec-Fetch-Site": "same-origin"}
    body = {"task": "sample.echo", "delay_s": 3600}
    job = browser.http.post("/api/jobs", json=body, headers=headers).json()["id"]
    with Client(service.port, "127.0.0.1") as waits, Client(service.port, "127.0.0.1") as other:
        request = f"GET /api/jobs/{job}?wait=30 HTTP/1.1\r\nHost: {service.host}\r\n"
        waits.socket.sendall(f"{request}Cookie: sessionid={browser.cookie}\r\n\r\n".encode())
        wait_until(lambda: waiting(service) == 1, timeout_s=20, what="one waits")
        service.interrupt(signal.SIGTERM)
        other.get("/api/health/live")
        assert waits.head()[""] == "200"
        assert other.head()[""] == "200"


def test_signal_to_quit_while_a_request_is_handed_over_ends_the_worker(
    service: Interrupted,
) -> None:
    """At once, and another one takes its place."""
    worker = service.worker_pid()
    with Client(service.port, "127.0.0.1") as other:
        service.interrupt(signal.SIGQUIT)
        other.get("/api/health/live")
        wait_until(lambda: service.worker_pid() not in (None, worker), timeout_s=10)


@pytest.mark.parametrize("server", COMMANDS)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGHUP])
def test_second_signal_to_stop_takes_no_time_from_what_runs(
    tmp_path: Path, server: str, second: signal.Signals
) -> None:
    """Managers send one more, or a hang-up besides: the job still gets the drain deadline."""
    end, settings = tmp_path / "end", {"server_workers": "1", "task_modules": SAMPLE_TASKS}
    with ServiceProcess(tmp_path / "service", server=server, **settings) as service:
        browser = service.new_browser()
        browser.log_in(tries=PATIENT)
        headers = {"Sec-Fetch-Site": "same-origin"}
        body = {"task": "sample.hold", "arguments": {"path": str(end)}}
        assert browser.http.post("/api/jobs", json=body, headers=headers).status_code == 202
        wait_until(end.with_suffix(".runs").exists, timeout_s=10, what="the job runs")
        service.ask_to_stop()
        wait_until(lambda: _STOPS[server] in service.log, timeout_s=10, what="it stops")
        os.kill(service.pid, second)
        end.touch()
        assert service.wait_for_exit() == 0, service.log
        assert "Traceback" not in service.log


def test_ctrl_c_again_takes_no_time_from_what_runs(tmp_path: Path) -> None:
    """It is pressed twice, and CherryPy's stop goes on: the job ends, and so does the process, in
    order."""
    end = tmp_path / "end"
    with ServiceProcess(tmp_path / "service", task_modules=SAMPLE_TASKS) as service:
        browser = service.new_browser()
        browser.log_in(tries=PATIENT)
        headers = {"Sec-Fetch-Site": "same-origin"}
        body = {"task": "sample.hold", "arguments": {"path": str(end)}}
        assert browser.http.post("/api/jobs", json=body, headers=headers).status_code == 202
        wait_until(end.with_suffix(".runs").exists, timeout_s=10, what="the job runs")
        os.kill(service.pid, signal.SIGINT)
        wait_until(lambda: _STOPS["cherrypy"] in service.log, timeout_s=10, what="it stops")
        os.kill(service.pid, signal.SIGINT)
        end.touch()
        assert service.wait_for_exit() == 0, service.log
        assert "Traceback" not in service.log


@pytest.mark.parametrize("server", COMMANDS)
def test_request_that_never_ends_holds_no_stop(tmp_path: Path, server: str) -> None:
    """When the drain deadline is over, what is left of a mounted application's is given up."""
    began = tmp_path / "began"
    settings = {"server_workers": "1", "drain_s": "1", "mounts_open": "/stuck"}
    settings["mounts"] = "/stuck=tests.e2e.waiting.stuck_app"
    with ServiceProcess(tmp_path / "service", server=server, **settings) as service:
        with Client(service.port, "127.0.0.1") as client:
            client.get(f"/stuck?{quote(str(began))}")
            wait_until(began.exists, timeout_s=10, what="it is asked")
            service.ask_to_stop()
            service.wait_for_exit(15)
        assert "Traceback" not in service.log
