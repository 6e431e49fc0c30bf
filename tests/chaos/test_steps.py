"""A kill at each step of a job's life: accepted, written, started, effect done, outcome written.
And a pause, and poison.

The steps are met from outside: by what a task noted, by what stands in Redis,
by freezing or killing the jobs' Redis.
"""

import signal
import threading
import uuid
from contextlib import suppress
from typing import Any

import httpx

from flask_api.jobs.records import keyspace
from shared.redis import RedisClient
from tests.chaos.house import House
from tests.chaos.processes import children_of, send, tree_of
from tests.chaos.steps_bench import (
    OUTCOME_S,
    admin,
    assert_succeeds,
    count,
    has_ended,
    house,
    http,
    kill_while_it_submits,
    records,
    status_of,
    submit,
)
from tests.waiting import wait_until

__all__ = ["admin", "house", "http"]


def test_kill_when_accepted_and_not_handed_off_loses_nothing(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """Redis took the job, its server died before it knew;
    the client that asks again with its key finds that job."""
    body = {"task": "chaos.thread", "arguments": {"pause_ms": 1}}
    key: dict[str, str] = {}
    known: set[str] = set()

    def is_left_behind() -> bool:
        key["Idempotency-Key"] = str(uuid.uuid4())
        known.update(kill_while_it_submits(house, http, admin, body, key))
        with suppress(AssertionError):  # it had no connection to say it on: nothing was accepted
            wait_until(lambda: records(admin) - known, timeout_s=2)
        return bool(records(admin) - known)

    wait_until(is_left_behind, timeout_s=60, what="Redis took what its server doesn't know of")
    answers: list[httpx.Response] = []

    def is_accepted() -> bool:  # its breaker may be open for a moment yet
        answers.append(http.post(f"{house.servers[1].address}/api/jobs", json=body, headers=key))
        return answers[-1].status_code == 202

    wait_until(is_accepted, timeout_s=5)
    answer = answers[-1]
    assert records(admin) - known == {keyspace.record(answer.json()["id"])}
    assert_succeeds(admin, answer.json()["id"])


def test_one_kill_finds_jobs_at_each_step_and_loses_none(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """Ended: stays as it is. Started, on a thread and in a child:
    begun again, and the record says why. Waiting: as before."""
    first, second = house.servers
    ended = submit(http, first.address, "chaos.thread", pause_ms=1)
    wait_until(lambda: status_of(admin, ended) == "succeeded", timeout_s=10)
    before = admin.hgetall(keyspace.record(ended))
    started = [submit(http, first.address, "chaos.process", pause_ms=4000)]
    wait_until(
        lambda: count(house, started[0], "began") == 1,
        timeout_s=10,
        what="a child was made and runs it",
    )
    started += [submit(http, first.address, "chaos.patient", pause_ms=2500) for _ in range(4)]
    wait_until(lambda: all(count(house, job, "began") == 1 for job in started), timeout_s=10)
    waiting = [submit(http, first.address, "chaos.thread", pause_ms=1) for _ in range(20)]
    assert status_of(admin, waiting[-1]) == "queued"
    first.kill()
    for job in (*started, *waiting):
        assert_succeeds(admin, job)
    assert all(count(house, job, "did") == 1 for job in (ended, *started, *waiting))
    assert admin.hgetall(keyspace.record(ended)) == before
    for job in started:
        record = http.get(f"{second.address}/api/jobs/{job}").json()
        assert record["attempt"] == 2
        assert [attempt["error"]["type"] for attempt in record["attempts"]] == ["WorkerLost"]


def test_orphans_begin_again_before_all_that_waits(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P3: recovery is quick however much waits in the process that goes on;
    these jobs were first in line already."""
    first, second = house.servers
    waiting = {"task": "chaos.process", "arguments": [{"pause_ms": 500}] * 100}
    body = {"task": "chaos.thread", "arguments": [{"pause_ms": 150}] * 2000}
    others = [http.post(f"{second.address}/api/batches", json=waiting).json()]
    others.append(http.post(f"{first.address}/api/batches", json=body).json())
    members = [str(job) for job in admin.lrange(keyspace.members(others[1]["id"]), 0, -1)]
    wait_until(lambda: all(count(house, job, "began") == 1 for job in members[:4]), timeout_s=10)
    first.kill()
    running = {
        job: admin.hget(keyspace.record(job), "instance")
        for job in members
        if status_of(admin, job) == "running"
    }

    def orphans_began_again() -> bool:
        left: Any = admin.smembers(keyspace.INSTANCES)  # the second took some jobs before, too
        orphans = [job for job, instance in running.items() if instance not in left]
        return len(left) == 1 and all(count(house, job, "began") == 2 for job in orphans)

    try:
        wait_until(orphans_began_again, timeout_s=14, what="the orphans began again")
    finally:
        for batch in others:
            assert http.post(f"{second.address}{batch['links']['cancel']}").status_code == 202


def test_kill_when_effect_is_done_and_not_written_runs_the_job_twice(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """At least once is the promise: only Redis could have known that it was done,
    and it was away."""
    jobs: list[str] = []
    for task in ("chaos.process", "chaos.thread"):
        jobs.append(submit(http, house.servers[0].address, task, pause_ms=700))
        wait_until(lambda: count(house, jobs[-1], "began") == 1, timeout_s=10)
    house.kill_valkey()
    wait_until(lambda: all(count(house, job, "did") == 1 for job in jobs), timeout_s=5)
    house.servers[0].kill()
    house.start_valkey()
    for job in jobs:
        assert_succeeds(admin, job)
        assert count(house, job, "did") == 2


def test_outage_while_effect_is_done_keeps_the_outcome(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """A server that lives keeps what it could not write, and writes it when Redis is back."""
    job = submit(http, house.servers[0].address, "chaos.thread", pause_ms=300)
    wait_until(lambda: count(house, job, "began") == 1, timeout_s=10)
    house.kill_valkey()
    wait_until(lambda: count(house, job, "did") == 1, timeout_s=5)
    house.start_valkey()
    assert_succeeds(admin, job)
    assert count(house, job, "began") == 1


def test_redis_killed_after_answers_has_everything(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P7: 202 means that kill -9 of Redis loses nothing."""
    sets = [{"pause_ms": 5}] * 200
    address = house.servers[0].address
    batch = http.post(
        f"{address}/api/batches", json={"task": "chaos.thread", "arguments": sets}
    ).json()["id"]
    jobs = [submit(http, address, "chaos.thread", pause_ms=1) for _ in range(20)]
    house.kill_valkey()
    house.start_valkey()
    assert len(admin.lrange(keyspace.members(batch), 0, -1)) == 200
    for job in jobs:
        assert_succeeds(admin, job)
    wait_until(lambda: admin.hget(keyspace.batch(batch), "succeeded") == "200", timeout_s=OUTCOME_S)


def test_paused_server_writes_no_stale_outcome(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P4: stopped past its heartbeat, woken while another runs its jobs and has ended some:
    its word is worth nothing."""
    first, second = house.servers
    short = [submit(http, first.address, "chaos.thread", pause_ms=300) for _ in range(2)]
    long = [submit(http, first.address, "chaos.thread", pause_ms=2500) for _ in range(2)]
    waiting = [submit(http, first.address, "chaos.thread", pause_ms=1) for _ in range(4)]
    wait_until(
        lambda: all(count(house, job, "began") == 1 for job in (*short, *long)), timeout_s=10
    )
    send(first.pid, signal.SIGSTOP)
    try:
        wait_until(
            lambda: all(has_ended(admin, job) for job in short),
            timeout_s=OUTCOME_S,
            what="adopted and ended",
        )
        wait_until(
            lambda: all(count(house, job, "began") == 2 for job in long),
            timeout_s=OUTCOME_S,
            what="begun again",
        )
        assert not any(has_ended(admin, job) for job in long)
    finally:
        send(first.pid, signal.SIGCONT)
    wait_until(
        lambda: all(count(house, job, "did") == 2 for job in (*short, *long)),
        timeout_s=OUTCOME_S,
        what="both did it",
    )
    for job in (*short, *long, *waiting):
        assert_succeeds(admin, job)
    assert {
        http.get(f"{second.address}/api/jobs/{job}").json()["result"] for job in (*short, *long)
    } == {second.pid}
    assert_succeeds(admin, submit(http, first.address, "chaos.thread", pause_ms=1))
    assert "outcome discarded" in first.log


def test_job_that_kills_its_server_fails_and_hurts_nobody(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P5: it gets its two attempts, then it says why; what ran beside it runs again."""
    done = threading.Event()

    def keep_alive() -> None:
        while not done.wait(0.05):
            for server in house.servers:
                if server.exit_code is not None:
                    server.start()

    job = submit(http, house.servers[0].address, "chaos.poison")
    keeper = threading.Thread(target=keep_alive)
    for server in house.servers:
        server.expect_end()
    keeper.start()
    try:
        innocent: list[str] = []
        while len(innocent) < 20:
            try:
                innocent.append(
                    submit(http, house.servers[1].address, "chaos.patient", pause_ms=300)
                )
            except httpx.TransportError:
                continue
        wait_until(lambda: has_ended(admin, job), timeout_s=OUTCOME_S)
        for each in innocent:
            assert_succeeds(admin, each)
    finally:
        done.set()
        keeper.join()
    record = admin.hgetall(keyspace.record(job))
    assert record["status"] == "failed"
    assert "WorkerLost" in record["error"]
    assert count(house, job, "began") == 2


def test_job_that_kills_its_child_fails_and_the_server_lives(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P5 and P16 on processes: only the child is lost, and the pool is back for the next job."""
    pid = house.servers[0].pid
    job = submit(http, house.servers[0].address, "chaos.poison_child")
    others = [
        submit(http, house.servers[0].address, "chaos.process", pause_ms=20) for _ in range(5)
    ]
    wait_until(lambda: has_ended(admin, job), timeout_s=OUTCOME_S)
    assert status_of(admin, job) == "failed"
    assert count(house, job, "began") == 2
    for other in others:
        assert_succeeds(admin, other)
    assert house.servers[0].exit_code is None
    assert house.servers[0].pid == pid


def test_killed_fork_server_is_replaced(
    house: House, http: httpx.Client, admin: RedisClient
) -> None:
    """P16: what all children come from may die, too."""
    server = house.servers[0]
    assert_succeeds(admin, submit(http, server.address, "chaos.process", pause_ms=1))
    (child,) = server.pool_children
    (fork_server,) = [pid for pid in tree_of(server.pid) if child in children_of(pid)]
    send(fork_server, signal.SIGKILL)
    for _ in range(3):
        assert_succeeds(admin, submit(http, server.address, "chaos.process", pause_ms=1))
    assert server.exit_code is None
