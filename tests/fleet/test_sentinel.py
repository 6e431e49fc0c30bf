"""A primary that dies, with Sentinels: no accepted job is lost, nobody is logged out."""

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from shared.contract.entries import JOBS_PREFIX
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway, Script, build_client
from shared.redis.sentinel import split_sentinel_url
from shared.settings.fields import RedisUrl
from tests.chaos.house import House
from tests.fleet.asking import at_work, strike
from tests.fleet.sentinels import Sentinels


def test_primary_that_dies_costs_no_job_and_no_session(tmp_path: Path) -> None:
    """Killed while jobs are accepted and run: each job that was answered with 202 succeeds, the
    person is never told to log in, neither by the API nor by Django, both have them in again, and
    work goes on with the server that took over."""
    with Sentinels(tmp_path / "redis") as redis:
        urls: dict[str, Any] = {
            "GATEHOUSE_SITE_REDIS_URL": redis.url("django"),
            "GATEHOUSE_API_REDIS_URL": redis.url("api"),
            "GATEHOUSE_JOBS_REDIS_URL": redis.url("api"),
        }
        check_that_unreplicated_writes_do_not_count(redis)
        with (
            House(tmp_path / "house", servers=1, job_heartbeat_s="5", **urls) as house,
            at_work(house, longest_ms=20, threads=2, first=100) as (ledger, told),
        ):
            strike(ledger, redis.kill_primary, "the kill", more=50)
            told.wait_until_back()


def check_that_unreplicated_writes_do_not_count(redis: Sentinels) -> None:
    """Without a replica that has it, a write is told as unavailable; what is read is there."""
    client = build_client(redis.url("api"), timeout_s=1, max_connections=2)
    store = RedisGateway(client, unavailable=JobStoreUnavailable)
    entry = f"{JOBS_PREFIX}probe"
    write = partial(store.run, Script("return redis.call('SET', KEYS[1], ARGV[1])"), [entry])
    write(["before"])
    redis.signal_replicas(signal.SIGSTOP)
    try:
        with pytest.raises(JobStoreUnavailable):
            write(["during"])
        with pytest.raises(JobStoreUnavailable):
            store.write(lambda each: each.set(entry, "during"))
        assert store.get(entry) == "during"
    finally:
        redis.signal_replicas(signal.SIGCONT)
    store.close()


def test_sentinel_url_is_read() -> None:
    """What is about Sentinels is taken out of it; replicas are one unless it says else."""
    hosts = "s1,s2:7000,[::1]:26380"
    query = "service=gh&sentinel_password=x&ssl_cert_reqs=none"
    url = f"rediss+sentinel://api:p%40ss@{hosts}/2?{query}"
    server, sentinels, about = split_sentinel_url(url)
    assert server == "rediss://api:p%40ss@s1/2?ssl_cert_reqs=none"
    assert sentinels == [("s1", 26379), ("s2", 7000), ("::1", 26380)]
    assert about == {"service": "gh", "sentinel_password": "x", "replicas": "1"}


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://",
        "redis+sentinel://s1:0/0",
        "redis+sentinel://s1,:x/0",
        "redis+sentinel://s1/0?replicas=-1",
        "redis+sentinel://s1/0?nonsense=1",
        "unix+sentinel:///tmp/x",
    ],
)
def test_sentinel_url_that_can_not_be_read_is_refused_without_its_words(url: str) -> None:
    """A password stays out of the error."""
    secret = url.replace("://", "://api:topsecret@", 1)
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(RedisUrl).validate_python(SecretStr(secret))
    assert "topsecret" not in str(refused.value.errors(include_input=False))
