"""Graceful stops under load: gunicorn's recycling, reload and stop; CherryPy's stop;
what is left is handed over at once."""

import http.client
import os
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from flask_api.jobs.records import keyspace
from tests.chaos.house import House
from tests.chaos.judge import judge
from tests.chaos.ledger import Customers, Ledger
from tests.integration.api.listener import listeners
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.processes import is_gone
from tests.waiting import wait_until

DRAIN_S = 2
LARGE = 50_000_000  # more than the sockets' buffers hold


def has_effects(house: House, number: int) -> bool:
    """Tell whether tasks have noted so many lines."""
    return house.effects.exists() and len(house.effects.read_text().splitlines()) >= number


@pytest.mark.parametrize("kind", ["cherrypy", "gunicorn"])
def test_stop_hands_over_what_does_not_end_in_time(kind: str, tmp_path: Path) -> None:
    """A job longer than the drain deadline goes back at once, no attempt spent;
    the next start goes on with it."""
    with (
        House(tmp_path, kind=kind, servers=1, drain_s=str(DRAIN_S)) as house,
        house.client() as client,
    ):
        server, admin = house.servers[0], house.admin()
        body = {"task": "chaos.patient", "arguments": {"pause_ms": 6000}}
        jobs = [client.post(f"{server.address}/api/jobs", json=body).json()["id"] for _ in range(4)]
        wait_until(lambda: has_effects(house, 4), timeout_s=10)
        began = time.monotonic()
        server.terminate()
        server.wait(DRAIN_S + 8)
        stopped_s = time.monotonic() - began
        held = [key for key in admin.scan_iter(keyspace.held("*")) if admin.scard(key)]
        records = [admin.hmget(keyspace.record(job), "status", "attempt") for job in jobs]
        admin.close()
        assert not held, f"a stopped server still holds {held}: {records}"
        assert records == [["queued", "0"]] * 4
        assert stopped_s < DRAIN_S + 5


@pytest.mark.parametrize("kind", ["cherrypy", "gunicorn"])
def test_stop_keeps_what_ended_after_the_deadline(kind: str, tmp_path: Path) -> None:
    """A task that never checks and ends while it is asked to stop has its outcome:
    nobody does it twice."""
    with House(tmp_path, kind=kind, servers=1, drain_s="1") as house, house.client() as client:
        server, admin = house.servers[0], house.admin()
        body = {"task": "chaos.thread", "arguments": {"pause_ms": 2000}}
        job = client.post(f"{server.address}/api/jobs", json=body).json()["id"]
        wait_until(lambda: has_effects(house, 1), timeout_s=10)
        server.terminate()
        server.wait(10)
        status = admin.hget(keyspace.record(job), "status")
        admin.close()
        assert status == "succeeded"


@pytest.mark.parametrize("kind", ["cherrypy", "gunicorn"])
def test_stop_hands_over_a_task_that_never_checks_and_ends(kind: str, tmp_path: Path) -> None:
    """Its thread can't be ended, so the process is:
    it must not go on while another runs the job."""
    with House(tmp_path, kind=kind, servers=1, drain_s="1") as house, house.client() as client:
        server, admin = house.servers[0], house.admin()
        body = {"task": "chaos.thread", "arguments": {"pause_ms": 20_000}}
        job = client.post(f"{server.address}/api/jobs", json=body).json()["id"]
        wait_until(lambda: has_effects(house, 1), timeout_s=10)
        engines = server.engines
        server.terminate()
        server.wait(10)
        orphans = admin.smembers(keyspace.ORPHANS)
        admin.close()
        assert orphans == {job}
        assert all(is_gone(pid) for pid in engines)


def test_gunicorn_recycling_reload_and_stop_under_load_lose_nothing(tmp_path: Path) -> None:
    """P17: workers come and go by --max-requests, HUP and TERM among thousands of jobs;
    each ends once."""
    arguments = "--max-requests 20 --max-requests-jitter 10"
    house = House(
        tmp_path,
        kind="gunicorn",
        servers=1,
        drain_s="5",
        job_heartbeat_s="2",
        job_threads="16",
        GUNICORN_CMD_ARGS=arguments,
    )
    ledger = Ledger()
    with house:
        server = house.servers[0]
        customers = Customers(house, ledger, seed=1, jobs=5000)
        customers.start()
        try:
            wait_until(lambda: ledger.accepted > 1000, timeout_s=60)
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda: ledger.accepted > 2500, timeout_s=60)
            server.terminate()
            server.wait()
            server.start()
            server.wait_until_live()
            wait_until(lambda: customers.are_done, timeout_s=30)
        finally:
            customers.stop()
        assert "Autorestarting worker" in server.log
        verdict = judge(house, ledger, [], deadline_s=15)
    assert not verdict.problems, "\n".join(verdict.problems[:20])
    assert not verdict.twice, "nothing was killed, so nothing may run twice"


def ask(port: int, seen: Counter[str], lock: threading.Lock) -> None:
    """Send one request on a connection of its own and note how it went."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.connect()
    except OSError:
        word = "refused"
    else:
        try:
            connection.request("GET", "/api/health/live")
            answer = connection.getresponse()
            answer.read()
            word = str(answer.status)
        except (http.client.IncompleteRead, http.client.BadStatusLine, OSError) as error:
            word = "cut" if isinstance(error, http.client.IncompleteRead) else "closed"
    finally:
        connection.close()
    with lock:
        seen[word] += 1


@pytest.mark.parametrize("kind", ["cherrypy", "gunicorn"])
def test_stop_under_requests_cuts_none(kind: str, tmp_path: Path) -> None:
    """P12: SIGTERM at 50 requests a second: what was begun is answered whole,
    then the server is gone in time."""
    seen: Counter[str] = Counter()
    lock, pause = threading.Lock(), threading.Event()
    with House(tmp_path, kind=kind, servers=1, drain_s="5") as house:
        server = house.servers[0]
        askers: list[threading.Thread] = []
        began = 0.0
        for number in range(150):
            if number == 75:
                began = time.monotonic()
                server.terminate()
            askers.append(threading.Thread(target=ask, args=(server.port, seen, lock)))
            askers[-1].start()
            pause.wait(0.02)
        server.wait(10)
        stopped_s = time.monotonic() - began
        for asker in askers:
            asker.join()
    assert not seen["cut"], seen
    assert seen["200"] >= 70
    assert stopped_s < 6


def stuck(house: House, path: str) -> socket.socket:
    """Ask for something large, read the head of the answer and nothing more; close it."""
    client = socket.create_connection(("127.0.0.1", house.servers[0].port), timeout=10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: "
        f"sessionid={house.cookie}\r\n\r\n".encode()
    )
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


@pytest.mark.parametrize("kind", ["cherrypy", "gunicorn"])
def test_stop_waits_for_no_client_that_reads_nothing(kind: str, tmp_path: Path) -> None:
    """P12: a download and a stream that are stuck in a write,
    and a stream that is told of the stop: out by the deadline."""
    with (
        House(
            tmp_path, kind=kind, servers=1, drain_s=str(DRAIN_S), task_modules=SAMPLE_TASKS
        ) as house,
        house.client() as client,
    ):
        server, admin = house.servers[0], house.admin()
        body = {"task": "sample.save", "arguments": {"name": "large.bin", "size": LARGE}}
        job = client.post(f"{server.address}/api/jobs?wait=20", json=body).json()
        assert job["status"] == "succeeded", job
        with ExitStack() as opened:
            for path in (f"/api/jobs/{job['id']}/files/large.bin", "/api/events"):
                opened.enter_context(stuck(house, path))
            streams = opened.enter_context(listeners(server.address))
            stream = streams.open("/api/events", cookie=house.cookie)
            event = {"job": job["id"], "event": '{"event":"report","text":"%s"}' % ("x" * 50_000)}
            for _ in range(200):
                admin.xadd(keyspace.events(job["owner"]["id"]), event)  # type: ignore[arg-type]  # a wider dictionary is meant
            stream.wait_for("report", count=200, timeout_s=60)
            began = time.monotonic()
            server.terminate()
            assert stream.wait_for_end()[-1].data == {"reason": "stopping"}
            assert server.wait(DRAIN_S + 8) == 0
            assert time.monotonic() - began < DRAIN_S + 2
        admin.close()
        assert "Traceback" not in server.log
