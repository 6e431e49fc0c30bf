"""Redis did what it was asked, and the answer was lost:
the engine asks again and must not do things twice, or lose them."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs import membership
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import JobStatus, Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.jobs.tasks.task import task
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway, build_client
from shared.settings import ApiSettings, load_settings
from tests.integration.redis.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.waiting import wait_until

ADA = Owner(id="chaos-1", username="ada")
CALLS: list[int] = []
GO_ON = threading.Event()


@task("lost.once")
def once(number: int) -> int:
    """Be counted."""
    CALLS.append(number)
    return number


@task("lost.hold")
def hold() -> None:
    """Wait for the test."""
    GO_ON.wait(10)


@pytest.fixture
def proxy(valkey: EmbeddedValkey) -> Iterator[FaultProxy]:
    """What stands between the engine and Redis."""
    with fault_proxy(valkey.socket) as proxy:
        yield proxy


@pytest.fixture
def store(valkey: EmbeddedValkey) -> Iterator[RedisGateway]:
    """The test's own way to Redis, past the proxy."""
    store = open_job_connections(load_settings(ApiSettings))
    yield store
    store.close()


@pytest.fixture
def engine(
    proxy: FaultProxy, valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobEngine]:
    """An engine with one slot behind the proxy;
    it looks twice a second for what it holds and does not know."""
    monkeypatch.setattr(membership, "_AUDIT_EVERY_S", 0.5)
    settings = load_settings(ApiSettings).model_copy(
        update={"jobs_redis_url": None, "job_threads": 1}
    )
    store = open_job_connections(_through(settings, proxy.url(valkey.url("api"))))
    engine = JobEngine(store, TaskRegistry(cast("list[AnyTask]", [once, hold])), settings)
    CALLS.clear()
    GO_ON.clear()
    engine.start()
    yield engine
    proxy.fault = Fault.NONE
    GO_ON.set()
    engine.shutdown(deadline_s=5)
    store.close()


def _through(settings: ApiSettings, url: str) -> ApiSettings:
    return settings.model_copy(update={"jobs_redis_url": SecretStr(url)})


def status(store: RedisGateway, job: str) -> JobStatus | None:
    """Return the status that stands in Redis."""
    found = store.read(lambda client: client.hget(keyspace.record(job), "status"))
    return JobStatus(cast(str, found)) if found else None


def wait_for_outcome(store: RedisGateway, job: str) -> Any:
    """Wait until the job has ended."""

    def has_ended() -> bool:
        found = status(store, job)
        return found is not None and found.is_outcome

    wait_until(
        has_ended,
        timeout_s=15,
        what=f"{store.read(lambda client: client.hgetall(keyspace.record(job)))} has ended",
    )


def test_lost_answer_to_a_beginning_runs_the_job_once(
    engine: JobEngine, proxy: FaultProxy, store: RedisGateway
) -> None:
    """The job was begun in Redis and nobody heard: asked again, it is begun, not dropped."""
    # from here on Redis knows the scripts
    wait_for_outcome(store, engine.submit("lost.once", {"number": 0}, owner=ADA).id)
    holding = engine.submit("lost.hold", {}, owner=ADA)
    wait_until(lambda: status(store, holding.id) is JobStatus.RUNNING, timeout_s=5)
    waiting = engine.submit("lost.once", {"number": 1}, owner=ADA)
    proxy.fault = Fault.LOSE_REPLY
    GO_ON.set()  # one turn ends the first and begins the second
    wait_until(lambda: status(store, waiting.id) is JobStatus.RUNNING, timeout_s=5)
    proxy.fault = Fault.NONE
    wait_for_outcome(store, waiting.id)
    assert status(store, waiting.id) is JobStatus.SUCCEEDED
    assert CALLS == [0, 1]
    assert status(store, holding.id) is JobStatus.SUCCEEDED


def test_lost_answer_to_a_submit_is_one_job_for_who_asks_again(
    engine: JobEngine, proxy: FaultProxy, store: RedisGateway
) -> None:
    """P6: the client hears 503 and asks again with its key;
    the job it is told of is the one that runs, once."""
    key = IdempotencyKey(key="again", body_digest="d" * 64)
    # the scripts are known to Redis from here on
    engine.submit("lost.once", {"number": 0}, owner=ADA)
    wait_until(lambda: CALLS == [0], timeout_s=5)
    proxy.fault = Fault.LOSE_REPLY
    with pytest.raises(JobStoreUnavailable):
        engine.submit("lost.once", {"number": 2}, owner=ADA, idempotency=key)
    proxy.fault = Fault.NONE
    answers: list[str] = []

    def is_known() -> bool:
        with suppress(JobStoreUnavailable):
            answers.append(engine.submit("lost.once", {"number": 2}, owner=ADA, idempotency=key).id)
        return bool(answers)

    wait_until(is_known, timeout_s=5)
    wait_for_outcome(store, answers[0])
    assert CALLS == [0, 2]


def test_turn_that_redis_refuses_loses_nothing(
    engine: JobEngine, valkey: EmbeddedValkey, store: RedisGateway
) -> None:
    """An answer that nobody thought of (here: no permission for a moment)
    leaves no job running for ever."""
    admin = build_client(valkey.url("admin"), timeout_s=2, max_connections=1)
    job = engine.submit("lost.hold", {}, owner=ADA)
    wait_until(lambda: status(store, job.id) is JobStatus.RUNNING, timeout_s=5)
    try:
        admin.execute_command("ACL", "SETUSER", "api", "-evalsha")
        GO_ON.set()
        threading.Event().wait(1)
    finally:
        admin.execute_command("ACL", "SETUSER", "api", "+evalsha")
        admin.close()
    wait_for_outcome(store, job.id)
    assert status(store, job.id) is JobStatus.SUCCEEDED
