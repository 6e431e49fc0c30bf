"""Redis is away, slow, full or killed: what was accepted stays,
what runs keeps its outcome until it can be written."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from shared.errors import ConfigurationError, JobStoreUnavailable
from shared.redis import build_client
from tests.integration.engine.engine_bench import AUDITED_S, RESCUE_S, EngineBench
from tests.integration.redis.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.waiting import wait_until


@pytest.fixture
def proxy(bench: EngineBench) -> Iterator[FaultProxy]:
    """A proxy to the bench's Valkey."""
    with fault_proxy(bench.valkey.socket) as proxy:
        yield proxy


@pytest.fixture
def far_engine(bench: EngineBench, proxy: FaultProxy) -> Iterator[JobEngine]:
    """An engine that sees Redis through the proxy."""
    engine = bench.start(api_redis_url=SecretStr(proxy.url(bench.valkey.url("api"))))
    yield engine
    proxy.fault = Fault.NONE
    engine.shutdown(deadline_s=0)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may kill."""
    with EmbeddedValkey(tmp_path / "own-valkey", passwords=new_passwords()) as server:
        yield server


@pytest.fixture
def own_bench(own_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[EngineBench]:
    """A bench on that Valkey."""
    bench = EngineBench(own_valkey, tmp_path)
    yield bench
    if not own_valkey.is_running():
        own_valkey.start()
    bench.close()


def test_submit_whose_reply_is_lost_is_one_job_that_runs(
    bench: EngineBench, proxy: FaultProxy, far_engine: JobEngine
) -> None:
    """The client reads 503 and does not know; the job was accepted, so it runs, once."""
    # from here on Redis knows the scripts: a call is one round trip
    bench.run(far_engine, "sample.echo")
    proxy.lose_reply_to = b"sample.note"
    with pytest.raises(JobStoreUnavailable):
        bench.submit(far_engine, "sample.note", {"path": bench.path("notes"), "word": "ran"})
    _, job_id = bench.admin.zrange(keyspace.owner(bench.owner.id), 0, -1)
    assert bench.wait_for(str(job_id), "succeeded", timeout_s=15)["attempt"] == "1"
    assert Path(bench.path("notes")).read_text() == "ran\n"
    bench.check_nothing_is_left()


def test_begin_whose_reply_is_lost_runs_once(
    bench: EngineBench, proxy: FaultProxy, far_engine: JobEngine
) -> None:
    """Redis says that the job runs, and nobody heard it:
    the same slot asks again and runs it, as its first attempt."""
    for name in ("one", "two"):
        proxy.lose_reply_to = keyspace.EXPIRING.encode()
        batch_id = far_engine.submit_batch(
            "sample.hold", [{"path": bench.path(name)}], owner=bench.owner
        ).id
        # the far engine may think that Redis is away
        (job_id,) = bench.admin.lrange(keyspace.members(batch_id), 0, -1)
        wait_until(lambda: bench.runs(name), timeout_s=10, what="the task runs")  # noqa: B023  # asked at once
        assert not proxy.lose_reply_to, "a reply was lost"
        bench.go(name)
        record = bench.wait_for(str(job_id), "succeeded", timeout_s=10)
        assert (record["attempt"], record["result"], bench.runs(name)) == ("1", "1", ["1"])
    bench.check_nothing_is_left()


def test_end_whose_reply_is_lost_is_one_outcome(
    bench: EngineBench, proxy: FaultProxy, far_engine: JobEngine
) -> None:
    """The outcome is written; asked again, Redis says that the job is nobody's any more,
    and the slot goes on."""
    job_id = bench.submit(far_engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="the task runs")
    proxy.lose_reply_to = keyspace.EXPIRING.encode()
    bench.go()
    assert bench.wait_for(job_id, "succeeded")["attempt"] == "1"
    wait_until(lambda: not far_engine._worker.held, timeout_s=10, what="the slot is free")
    assert bench.runs() == ["1"]
    assert bench.run(far_engine, "sample.echo").status is JobStatus.SUCCEEDED
    bench.check_nothing_is_left()


def test_outcome_waits_for_redis(
    bench: EngineBench, proxy: FaultProxy, far_engine: JobEngine
) -> None:
    """A job that ends while Redis is away longer than the heartbeat lasts is written when it is
    back: not run again."""
    job_id = bench.submit(far_engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="the task runs")
    proxy.fault = Fault.REFUSE
    proxy.cut()
    bench.go()
    wait_until(
        lambda: not bench.admin.keys("gatehouse:jobs:heartbeat:*"),
        timeout_s=5,
        what="the heartbeat ended",
    )
    with pytest.raises(JobStoreUnavailable):
        bench.submit(far_engine, "sample.echo")
    proxy.fault = Fault.NONE
    record = bench.wait_for(job_id, "succeeded", timeout_s=10)
    assert (record["attempt"], bench.runs()) == ("1", ["1"])


@pytest.mark.parametrize("spoiled", ["full", "read-only"])
def test_redis_that_takes_no_writes_refuses_submits_and_keeps_outcomes(
    own_bench: EngineBench, spoiled: str
) -> None:
    """503 for what is new; what runs ends when it can be written.
    Nothing is stored of what was refused."""
    bench, admin = own_bench, own_bench.admin
    engine = bench.start()
    job_id = bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="the task runs")
    admin.config_set("maxmemory", 1) if spoiled == "full" else admin.slaveof("127.0.0.1", 1)
    for _ in range(3):
        with pytest.raises(JobStoreUnavailable):
            bench.submit(engine, "sample.echo")
    with pytest.raises(JobStoreUnavailable):
        engine.submit_batch("sample.echo", [{}, {}], owner=bench.owner)
    bench.go()
    wait_until(lambda: not engine._worker.held or bench.status(job_id), timeout_s=5)
    admin.config_set("maxmemory", 0) if spoiled == "full" else admin.slaveof()
    record = bench.wait_for(job_id, "succeeded", timeout_s=10)
    assert record["attempt"] == "1"
    assert admin.zcard(keyspace.owner(bench.owner.id)) == 1
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED


def test_job_whose_process_died_is_cancelled_while_redis_is_full(bench: EngineBench) -> None:
    """What was running elsewhere ends as what runs here does, whatever died beside it: its person
    may delete it then."""
    child, engine = bench.start_process(), bench.start()
    ids = child.submit("sample.hold", [{"path": bench.path()}] * 4, owner=bench.owner)
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=5, what="the tasks run")
    job_id = max(ids)
    child.kill()
    bench.admin.config_set("maxmemory", 1)
    try:
        engine.cancel(engine.get(job_id, viewer=bench.owner))
        bench.wait_for(job_id, "cancelled", timeout_s=RESCUE_S + AUDITED_S)
        engine.delete(engine.get(job_id, viewer=bench.owner))
    finally:
        bench.admin.config_set("maxmemory", 0)


def test_redis_killed_under_load_loses_no_accepted_job(
    own_bench: EngineBench, own_valkey: EmbeddedValkey
) -> None:
    """P7: every job that was accepted is there after kill -9 and a new start, and ends."""
    engine = own_bench.start(job_threads=8)
    accepted: list[str] = []
    stop = threading.Event()

    def submit() -> None:
        while not stop.is_set():
            try:
                accepted.append(own_bench.submit(engine, "sample.echo"))
            except JobStoreUnavailable:
                stop.wait(0.01)

    with ThreadPoolExecutor(4) as pool:
        submitters = [pool.submit(submit) for _ in range(4)]
        for _ in range(2):
            before = len(accepted)
            wait_until(
                lambda: len(accepted) > before + 300,  # noqa: B023
                timeout_s=20,
                what="300 more were accepted",
            )
            assert own_valkey.pid is not None
            os.kill(own_valkey.pid, signal.SIGKILL)
            own_valkey.stop()
            own_valkey.start()
        stop.set()
        for submitter in submitters:
            submitter.result(10)
    missing = [job_id for job_id in accepted if not own_bench.status(job_id)]
    assert missing == [], f"{len(missing)} of {len(accepted)}"
    wait_until(
        lambda: all(own_bench.status(job_id) == "succeeded" for job_id in accepted),
        timeout_s=20,
        what="all have ended",
    )
    own_bench.check_nothing_is_left()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("appendonly", "no", "append-only"), ("maxmemory-policy", "allkeys-lru", "allkeys-lru")],
)
def test_redis_that_may_lose_jobs_is_refused_at_start(
    own_bench: EngineBench, option: str, value: str, said: str
) -> None:
    """The message names the option and the setting that overrides; with that, the engine starts."""
    own_bench.admin.config_set(option, value)
    engine = own_bench.make()
    with pytest.raises(ConfigurationError, match=rf"{said}.*GATEHOUSE_ALLOW_VOLATILE_REDIS=true"):
        engine.start()
    allowed = own_bench.start(allow_volatile_redis=True)
    assert own_bench.run(allowed, "sample.echo").status is JobStatus.SUCCEEDED


def test_engine_started_before_redis_takes_jobs_when_it_is_there(
    own_bench: EngineBench, own_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Until then a submit is 503; no restart is needed. The log says which Redis is missed."""
    own_valkey.stop()
    engine = own_bench.start()
    (line,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.getMessage() == (
        f"Redis at {own_valkey.socket} can't be used now, there is no such socket: "
        "see GATEHOUSE_API_REDIS_URL"
    ), "and no password"
    with pytest.raises(JobStoreUnavailable):
        own_bench.submit(engine, "sample.echo")
    own_valkey.start()
    client = build_client(own_valkey.url("admin"), timeout_s=1, max_connections=1)
    wait_until(
        lambda: client.scard(keyspace.INSTANCES), timeout_s=5, what="the engine has registered"
    )
    client.connection_pool.disconnect()
    assert own_bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
