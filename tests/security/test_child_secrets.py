"""A task in a child process is somebody's code:
it is given nothing that opens a session or the database."""

import os

from pydantic import SecretStr

from tests.integration.engine.engine_bench import EngineBench


def test_task_in_a_child_is_given_no_secret(bench: EngineBench) -> None:
    """Neither what signs sessions, nor Django's key, nor a way to the sessions' Redis;
    nor does a program it starts."""
    jobs = bench.valkey.url("worker")
    engine = bench.start(jobs_redis_url=SecretStr(jobs))
    seen = "\n".join(bench.run(engine, "child.look_around").result)
    hidden = ("SESSION_SECRETS", "SECRET_KEY", "SITE_REDIS_URL", "API_REDIS_URL")
    secrets = [os.environ[f"GATEHOUSE_{name}"] for name in hidden]
    assert [secret for secret in secrets if secret in seen] == []
    assert bench.valkey.url("api") not in seen
    assert jobs in seen
