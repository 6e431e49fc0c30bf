"""Two servers to kill, the jobs that are submitted to them, and what became of each."""

import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from flask_api.jobs.records import keyspace
from shared.redis import RedisClient
from tests.chaos.house import House
from tests.waiting import wait_until

HEARTBEAT_S = 2
OUTCOME_S = 20.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two CherryPy servers that take each other for dead after two seconds."""
    folder = tmp_path_factory.mktemp("steps")
    with House(
        folder,
        jobs_apart=True,
        job_heartbeat_s=str(HEARTBEAT_S),
        job_threads="4",
        job_processes="1",
        drain_s="3",
    ) as house:
        yield house


@pytest.fixture
def http(house: House) -> Iterator[httpx.Client]:
    """The person's client; both servers answer and Redis knows no unfinished job of an earlier
    test."""
    for server in house.servers:
        if server.exit_code is not None:
            server.start()
    for server in house.servers:
        server.wait_until_live()
    with house.client() as http:
        yield http


@pytest.fixture
def admin(house: House) -> Iterator[RedisClient]:
    """Redis with every right."""
    admin = house.admin()
    yield admin
    admin.close()


def submit(http: httpx.Client, address: str, task: str, **arguments: Any) -> str:
    """Submit one job and return its id; as a client does, again after a 503:
    an earlier test may have frozen Redis just now."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(
            http.post(
                f"{address}/api/jobs", json={"task": task, "arguments": arguments}, headers=key
            )
        )
        return answers[-1].status_code != 503

    wait_until(is_answered, timeout_s=OUTCOME_S, what="the server reaches Redis")
    assert answers[-1].status_code == 202, answers[-1].text
    return str(answers[-1].json()["id"])


def status_of(admin: RedisClient, job: str) -> str:
    """Return what stands in Redis."""
    return str(admin.hget(keyspace.record(job), "status"))


def has_ended(admin: RedisClient, job: str) -> bool:
    """Tell whether the job has an outcome."""
    return status_of(admin, job) in ("succeeded", "failed", "cancelled")


def notes_of(house: House, job: str) -> list[tuple[str, int]]:
    """Return what the job's attempts noted, and in which process."""
    if not house.effects.exists():
        return []
    lines = (line.split() for line in house.effects.read_text().splitlines())
    return [(line[0], int(line[3])) for line in lines if line[1] == job]


def count(house: House, job: str, word: str) -> int:
    """Count how often the job's attempts noted a word."""
    return Counter(word for word, _ in notes_of(house, job))[word]


def assert_succeeds(admin: RedisClient, job: str) -> None:
    """Wait for the outcome; it must be success, and nobody may hold the job any more."""
    wait_until(
        lambda: has_ended(admin, job),
        timeout_s=OUTCOME_S,
        what=f"{admin.hgetall(keyspace.record(job))} has an outcome",
    )
    assert status_of(admin, job) == "succeeded", admin.hgetall(keyspace.record(job))
    assert not [key for key in admin.scan_iter(keyspace.held("*")) if admin.sismember(key, job)]


def records(admin: RedisClient) -> set[str]:
    """Return the keys of all jobs' records."""
    return set(admin.scan_iter(keyspace.record("*")))


def kill_while_it_submits(
    house: House,
    http: httpx.Client,
    admin: RedisClient,
    body: dict[str, Any],
    key: dict[str, str],
) -> set[str]:
    """Have the first server submit while Redis stands still, and kill it before that goes on;
    return the records that were there before."""
    first = house.servers[0]
    if first.exit_code is not None:
        first.start()
        first.wait_until_live()
    # Several at once, so that the server has connections to spare:
    # a new one could not log in to a Redis that stands still.
    with ThreadPoolExecutor(4) as threads:
        for job in threads.map(
            lambda _: submit(http, first.address, "chaos.thread", pause_ms=50), range(4)
        ):
            assert_succeeds(admin, job)
    before = records(admin)
    house.signal_valkey(signal.SIGSTOP)
    try:
        answer = http.post(f"{first.address}/api/jobs", json=body, headers=key)
        assert answer.status_code == 503
        first.kill()
    finally:
        house.signal_valkey(signal.SIGCONT)
    return before
