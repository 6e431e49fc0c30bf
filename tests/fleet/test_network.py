"""A fleet of hosts with addresses of their own: cut off, slow, killed, with clocks that differ by
ten minutes; nothing is lost, and nobody is logged out by it."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records import keyspace
from shared.redis import RedisClient, build_client
from tests.chaos.house import House
from tests.chaos.ledger import Ledger
from tests.chaos.processes import send, tree_of
from tests.fleet.asking import at_work
from tests.fleet.network import NetHost, Network, why_not
from tests.integration.engine.worker_process import SECRET, WorkerProcess
from tests.ports import free_port
from tests.waiting import wait_until

_CLOCKS_S = (300, -300)
_SETTINGS: dict[str, Any] = {
    "GATEHOUSE_EXECUTORS": '{"*": "rq"}',
    "GATEHOUSE_WORKER_SECRETS": SECRET,
    "GATEHOUSE_JOB_HEARTBEAT_S": "2",
    "GATEHOUSE_JOB_PERSON_LIMIT": "100",
}


class RedisHost:
    """Redis on a host of its own."""

    def __init__(self, host: NetHost, folder: Path) -> None:
        self.host = host
        self._passwords = new_passwords()
        self._port = free_port()
        self._valkey = EmbeddedValkey(folder, passwords=self._passwords, port=self._port)

    def url(self, role: str) -> str:
        """Return the URL as other hosts reach it."""
        return f"redis://{role}:{self._passwords[role]}@{self.host.address}:{self._port}/0"

    def start(self) -> RedisClient:
        """Start it, open to the network; return a client that needs none: close it."""
        with self.host.inside():
            self._valkey.start()
        admin = build_client(self._valkey.url("admin"), timeout_s=5, max_connections=4)
        admin.config_set("protected-mode", "no")
        admin.config_set("bind", "0.0.0.0")  # of a network that ends here
        return admin

    def stop(self) -> None:
        """End it."""
        self._valkey.stop()


class WorkerHost:
    """A worker on a host of its own, whose clock is wrong."""

    def __init__(self, host: NetHost, redis: RedisHost, folder: Path, clock_s: int) -> None:
        self.host = host
        with host.inside():
            self.process = WorkerProcess(
                redis._valkey,
                folder,
                *("--slots", "4"),
                tasks=("tests.chaos.tasks",),
                settings={"GATEHOUSE_JOBS_REDIS_URL": redis.url("worker")},
                log=f"{host.name}.log",
                clock_s=clock_s,
            )

    def kill(self) -> None:
        """Let the host lose its power."""
        for pid in tree_of(self.process.pid):
            send(pid, signal.SIGKILL)
        self.process.kill()


@pytest.fixture
def network() -> Iterator[Network]:
    """A network without hosts; without the permission for one, the test is skipped."""
    if reason := why_not():
        pytest.skip(reason)
    with Network() as network:
        yield network


def test_fleet_survives_its_network(network: Network, tmp_path: Path) -> None:
    """A worker's host is cut off until others take over what it ran, Redis' host for two seconds, a
    line is slow, a host loses its power: every job that was accepted succeeds, the person is told
    200 or 503 and never to log in, in the end 200 by each page, and who was cut off works again."""
    folder = tmp_path / "house"
    web, redis = network.host(), RedisHost(network.host(), tmp_path / "redis")
    admin = redis.start()
    workers: list[WorkerHost] = []
    urls: dict[str, Any] = {
        "GATEHOUSE_SITE_REDIS_URL": redis.url("django"),
        "GATEHOUSE_API_REDIS_URL": redis.url("api"),
        "GATEHOUSE_JOBS_REDIS_URL": redis.url("api"),
    }
    try:
        folder.mkdir()
        workers += [WorkerHost(network.host(), redis, folder, each) for each in _CLOCKS_S]
        with web.inside(), House(folder, servers=1, **_SETTINGS, **urls) as house:
            wait_until(lambda: _live(admin) == 2, timeout_s=60, what="the workers are there")
            _trouble(house, admin, redis, workers)
    finally:
        for worker in workers:
            worker.kill()
        redis.stop()
        admin.close()


def _trouble(house: House, admin: RedisClient, redis: RedisHost, workers: list[WorkerHost]) -> None:
    first, second = workers
    with at_work(house, longest_ms=20, threads=2, first=0) as (ledger, told):
        _go_on(ledger)
        first.host.cut()
        admin.execute_command("CLIENT", "KILL", "USER", "worker")  # and it isn't told of that
        wait_until(lambda: _live(admin) == 1, timeout_s=30, what="it is taken for dead")
        second.host.slow(kilobits_s=512)
        _go_on(ledger)
        first.host.heal()
        second.host.quicken()
        wait_until(lambda: _live(admin) == 2, timeout_s=30, what="it is back")
        redis.host.cut()
        wait_until(lambda: told.refused >= 4, timeout_s=30, what="people are told to wait")
        redis.host.heal()
        second.kill()  # from now on, only who was cut off can run anything
        _go_on(ledger)
        told.wait_until_back()


def _go_on(ledger: Ledger) -> None:
    """Wait until more than what may wait has been accepted: so jobs end."""
    before = ledger.accepted
    wait_until(lambda: ledger.accepted > before + 105, timeout_s=60, what="jobs go on")


def _live(admin: RedisClient) -> int:
    return int(admin.zcard(keyspace.WORKERS))
